// SPDX-License-Identifier: MIT
//
// One translator in several threads: each gets what it would get alone, messages too.
// tools/test.sh also runs this under ThreadSanitizer.

#include "support/tiny.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#define SCRATCH "test_translate_threads.scratch"
enum { THREADS = 4, ROUNDS = 3 };

static pix_translator *translator;
static uint32_t messages;    // no lock: the calls wait for one another

static void count_message(void *user, enum pix_log_level level, const char *text)
{
    (void)user, (void)level, (void)text;
    messages++;
}

struct worker {
    struct os_thread *thread;
    struct pix_image in, expected;    // of different sizes
    bool wrong;
};

static bool same(const struct pix_image *a, const struct pix_image *b)
{
    return a->width == b->width && a->height == b->height &&
           memcmp(a->pixels, b->pixels, (size_t)a->width * a->height * 3) == 0;
}

static bool run_all(const struct worker *w)
{
    struct pix_image out = { 0 };
    struct pix_translate_item items[2] = { { .in = w->in }, { .in = w->in } };
    struct pix_array in = { PIX_KIND_U8, 3, w->in.width, w->in.height, w->in.pixels };
    struct pix_array made = { 0 };
    struct pix_plan plan;
    bool ok = pix_translator_run(translator, &w->in, &out) && same(&out, &w->expected);
    pix_image_free(&out);
    ok = ok && pix_translator_run_many(translator, items, 2, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        ok = ok && same(&items[i].out, &w->expected);
        pix_image_free(&items[i].out);
    }
    ok = ok && pix_translator_run_array(translator, &in, &made) &&
         made.width == w->in.width;
    pix_array_free(&made);
    return ok && pix_translator_plan(translator, w->in.width, w->in.height, &plan) &&
           pix_translator_size(translator).width == CROP;
}

// The last error is that of the thread.
static bool fail_once(void)
{
    const struct pix_image empty = { 0 };
    struct pix_image out;
    return pix_last_error()[0] == '\0' &&
           !pix_translator_run(translator, &empty, &out) &&
           strstr(pix_last_error(), "is empty");
}

static void work(void *user)
{
    struct worker *w = user;
    for (int i = 0; i < ROUNDS; i++)
        w->wrong |= !run_all(w);
    w->wrong |= !fail_once();
}

static void test_threads(void **state)
{
    struct worker workers[THREADS] = { 0 };
    const struct pix_translate_options o = { .model = SCRATCH "/run",
                                             .preprocess = "none",
                                             .tuning = "off" };
    (void)state;
    public_need_device();
    translator = pix_translator_create(public_device, &o);
    assert_non_null(translator);
    for (uint32_t i = 0; i < THREADS; i++) {
        struct worker *w = &workers[i];
        const size_t bytes = (size_t)(20 + 9 * i) * (40 - 5 * i) * 3;
        w->in = (struct pix_image){ 20 + 9 * i, 40 - 5 * i, malloc(bytes) };
        assert_non_null(w->in.pixels);
        for (size_t k = 0; k < bytes; k++)
            w->in.pixels[k] = (uint8_t)(k * (i + 3) + k / 64);
        assert_true(pix_translator_run(translator, &w->in, &w->expected));
    }
    messages = 0;
    for (int i = 0; i < THREADS; i++)
        assert_non_null(workers[i].thread = os_thread_create(work, &workers[i]));
    for (int i = 0; i < THREADS; i++)
        os_thread_join(workers[i].thread);
    for (int i = 0; i < THREADS; i++) {
        assert_false(workers[i].wrong);
        pix_image_free(&workers[i].in);
        pix_image_free(&workers[i].expected);
    }
    assert_int_equal(messages, THREADS);    // of the empty images
    pix_translator_destroy(translator);
}

static int open_group(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    if (!public_has_device())
        return 0;
    public_open_again(count_message, PIX_LOG_WARN);
    struct pix_train_options o = tiny_options(ONE, SCRATCH "/run");
    o.ngf = 1;
    o.gan_mode = "none";
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
