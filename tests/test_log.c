// SPDX-License-Identifier: MIT
//
// Messages: their form, the sink and the last error of each thread, captures, queues.

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_queue.h"
#include "base/os.h"
#include "support/log.h"

// What the sink got, oldest first.
static struct {
    enum log_level level;
    char text[LOG_LINE_SIZE];
} got[16];
static size_t got_count;

static void keep(void *user, enum log_level level, const char *text)
{
    (void)user;
    assert_true(got_count < ARRAY_LEN(got));
    got[got_count].level = level;
    snprintf(got[got_count++].text, sizeof(got[0].text), "%s", text);
}

static const struct log_sink sink = { keep, NULL, LOG_INFO };

// Fails unless exactly this came since the last call.
static void assert_got(size_t count, ...)
{
    va_list args;
    va_start(args, count);
    assert_int_equal(got_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(got[i].level, va_arg(args, int));
        assert_string_equal(got[i].text, va_arg(args, const char *));
    }
    va_end(args);
    got_count = 0;
}

static int setup(void **state)
{
    (void)state;
    got_count = 0;
    log_use(&sink);
    test_forget_error();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_use(NULL);
    return 0;
}

static void test_sink(void **state)
{
    (void)state;
    log_debug("log: below the level");
    assert_got(0);
    log_warn("log: %d", 1);
    log_message(LOG_INFO, "log: %d", 2);
    assert_got(2, LOG_WARN, "log: 1", LOG_INFO, "log: 2");
    assert_string_equal(log_last_error(), "");

    // The last error may be part of the next.
    log_error("one");
    log_error("two after %s", log_last_error());
    assert_string_equal(log_last_error(), "two after one");
    assert_got(2, LOG_ERROR, "one", LOG_ERROR, "two after one");

    assert_ptr_equal(log_use(NULL), &sink);
    log_error("silent");
    assert_got(0);
    assert_string_equal(log_last_error(), "silent");
    test_forget_error();
    assert_string_equal(log_last_error(), "");
}

static void test_lines(void **state)
{
    char long_text[5000];
    (void)state;
    // Cut between characters, never inside one, wherever the limit falls.
    for (size_t shift = 0; shift < 4; shift++) {
        memset(long_text, 'x', sizeof(long_text));
        for (size_t i = shift; i + 3 < sizeof(long_text) - 1; i += 3)
            memcpy(long_text + i, "\xe2\x82\xac", 3);
        long_text[sizeof(long_text) - 1] = '\0';
        log_error("%s", long_text);
        const char *text = got[0].text;
        size_t length = strlen(text);
        assert_in_range(length, 1024, 2047);
        assert_string_equal(text + length - 3, "...");
        assert_int_equal((length - 3 - shift) % 3, 0);
        assert_string_equal(log_last_error(), text);
        got_count = 0;
    }
    // A name may hold anything.
    log_error("name\nwith \x1b[31m, \xc2\x9b and \xe2\x80\xae");
    assert_got(1, LOG_ERROR, "name\\nwith \\x1b[31m, \\u{9b} and \\u{202e}");
}

// Each thread has its own sink and last error.
static void log_on_thread(void *user)
{
    bool *clean = user;
    *clean = log_current() == NULL && strcmp(log_last_error(), "") == 0;
    log_use(&sink);
    log_error("from the thread");
}

static void run_on_thread(void (*run)(void *user), void *user)
{
    struct os_thread *thread = os_thread_create(run, user);
    assert_non_null(thread);
    os_thread_join(thread);
}

static void test_threads(void **state)
{
    bool clean = false;
    (void)state;
    log_error("from here");
    run_on_thread(log_on_thread, &clean);
    assert_true(clean);
    assert_got(2, LOG_ERROR, "from here", LOG_ERROR, "from the thread");
    assert_string_equal(log_last_error(), "from here");
}

// ---------------------------------------------------------------------------
// Captures

static void test_capture(void **state)
{
    struct log_capture c;
    (void)state;
    log_error("before");
    log_capture_begin(&c);
    log_error("first");
    log_warn("a warning");
    log_error("second");
    log_info("an info");
    log_debug("below the level");
    assert_string_equal(log_last_error(), "before");
    assert_string_equal(log_capture_end(&c), "second");
    assert_got(3, LOG_ERROR, "before", LOG_WARN, "a warning", LOG_INFO, "an info");
    assert_string_equal(log_last_error(), "before");
    assert_ptr_equal(log_use(&sink), &sink);

    log_capture_begin(&c);
    assert_string_equal(log_capture_end(&c), "");
    // Its text may be part of an error.
    log_capture_begin(&c);
    log_error("inside");
    log_error("outside: %s", log_capture_end(&c));
    assert_got(1, LOG_ERROR, "outside: inside");
    assert_string_equal(log_last_error(), "outside: inside");

    // Without a sink, and with one that wants errors only.
    log_use(NULL);
    log_capture_begin(&c);
    log_warn("a warning");
    log_error("unseen");
    assert_string_equal(log_capture_end(&c), "unseen");
    assert_ptr_equal(log_use(NULL), NULL);
    const struct log_sink errors = { keep, NULL, LOG_ERROR };
    log_use(&errors);
    log_capture_begin(&c);
    log_warn("a warning");
    log_error("unseen");
    assert_string_equal(log_capture_end(&c), "unseen");
    assert_got(0);
}

static void test_capture_nests(void **state)
{
    struct log_capture outer, inner;
    (void)state;
    log_capture_begin(&outer);
    log_capture_begin(&inner);
    log_error("inner");
    log_info("an info");
    assert_string_equal(log_capture_end(&inner), "inner");
    assert_got(1, LOG_INFO, "an info");
    log_error("outer");
    log_capture_begin(&inner);
    log_error("inner again");
    assert_string_equal(log_capture_end(&inner), "inner again");
    assert_string_equal(log_capture_end(&outer), "outer");
    assert_got(0);
    assert_string_equal(log_last_error(), "");
}

// A sink that is put in place inside of a capture gets errors as well.
static void test_capture_is_of_its_sink(void **state)
{
    struct log_capture c;
    (void)state;
    log_capture_begin(&c);
    const struct log_sink *before = log_use(&sink);
    log_error("for the inner sink");
    log_use(before);
    assert_string_equal(log_capture_end(&c), "");
    assert_got(1, LOG_ERROR, "for the inner sink");
    assert_string_equal(log_last_error(), "for the inner sink");
}

static void log_with(void *user)
{
    log_use(user);
    log_error("from the thread");
}

// A capture is one thread's: others, started inside of it too, report as always.
static void test_capture_is_of_its_thread(void **state)
{
    struct log_capture c, d;
    (void)state;
    log_capture_begin(&c);
    log_capture_begin(&d);
    assert_ptr_equal(log_current(), &sink);
    run_on_thread(log_with, (void *)log_current());
    log_capture_end(&d);
    assert_string_equal(log_capture_end(&c), "");
    assert_got(1, LOG_ERROR, "from the thread");
    assert_string_equal(log_last_error(), "");
}

// ---------------------------------------------------------------------------
// Queues

static void fill(void *user)
{
    struct log_queue *q = user;
    log_queue_begin(q);
    for (int i = 0; i < 9; i++)
        log_message((enum log_level)(i % 4), "%d", i);
    log_queue_end(q);
}

static void test_queue(void **state)
{
    struct log_queue first, second, never = { 0 };
    (void)state;
    log_queue_init(&first);
    log_queue_init(&second);
    run_on_thread(fill, &second);
    assert_got(0);
    assert_string_equal(log_last_error(), "");
    // This thread has a sink that tells the user at once what is being done.
    log_queue_begin(&first);
    log_warn("kept");
    log_info("at once");
    log_queue_end(&first);
    assert_got(1, LOG_INFO, "at once");

    log_queue_flush(&first);
    assert_got(1, LOG_WARN, "kept");
    log_queue_flush(&second);    // without debug messages, which the sink does not take
    assert_got(7, LOG_ERROR, "0", LOG_WARN, "1", LOG_INFO, "2", LOG_ERROR, "4",
               LOG_WARN, "5", LOG_INFO, "6", LOG_ERROR, "8");
    assert_string_equal(log_last_error(), "8");
    log_queue_flush(&second);
    assert_got(0);

    log_queue_begin(&second);
    log_warn("dropped");
    log_queue_end(&second);
    log_queue_finish(&second);
    log_queue_finish(&first);
    log_queue_finish(&never);
    assert_got(0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_sink),
        TEST(test_lines),
        TEST(test_threads),
        TEST(test_capture),
        TEST(test_capture_nests),
        TEST(test_capture_is_of_its_sink),
        TEST(test_capture_is_of_its_thread),
        TEST(test_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
