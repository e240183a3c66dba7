// SPDX-License-Identifier: MIT
//
// Translation, evaluation, and weights in and out in the public API. See relay.h.

#include "api/relay.h"

#include "base/mem.h"
#include "base/os.h"
#include "evaluate/compare.h"
#include "evaluate/evaluate.h"
#include "evaluate/evaluation.h"
#include "settings/choice.h"
#include "store/convert.h"
#include "store/lpips_convert.h"
#include "translate/items.h"
#include "translate/stream.h"
#include "translate/translator.h"

// The device is kept for its log: messages of a translator go where its device's go.
// Calls that use it hold the mutex: those of other threads wait. What queries read
// never changes.
struct pix_translator {
    const pix_device *device;
    struct translator *translator;
    struct os_mutex *mutex;
};

// Around each such call; `before` is the log that the thread had.
static const struct log_sink *begin_call(pix_translator *translator)
{
    os_mutex_lock(translator->mutex);
    return log_use(&translator->device->relay.sink);
}

static void end_call(pix_translator *translator, const struct log_sink *before)
{
    log_use(before);
    os_mutex_unlock(translator->mutex);
}

// 0 and NULL are the defaults throughout, so a struct that is zeroed is fine too.
void pix_translate_options_init(struct pix_translate_options *options)
{
    *options = (struct pix_translate_options){ 0 };
}

pix_translator *pix_translator_create(pix_device *device,
                                      const struct pix_translate_options *options)
{
    if (!api_check_given(device, "pix_translator_create", "device") ||
        !api_check_given(options, "pix_translator_create", "options"))
        return NULL;
    const struct log_sink *before = log_use(&device->relay.sink);
    pix_translator *translator = mem_zalloc(sizeof(*translator));
    if (!translator)
        goto fail;
    translator->device = device;
    translator->mutex = os_mutex_create();
    if (!translator->mutex) {
        log_error("translate: a mutex cannot be created: %s", os_error_text());
        goto fail;
    }
    translator->translator =
        translator_create(device->gpu, device->submission_seconds, options);
    if (!translator->translator)
        goto fail;
    log_use(before);
    return translator;

fail:
    log_use(before);
    pix_translator_destroy(translator);
    return NULL;
}

void pix_translator_destroy(pix_translator *translator)
{
    if (!translator)
        return;
    // Waiting for what is under way may log, so the device's sink is current here too.
    const struct log_sink *before = log_use(&translator->device->relay.sink);
    translator_destroy(translator->translator);
    log_use(before);
    os_mutex_destroy(translator->mutex);
    mem_free(translator);
}

// Queries cannot fail: they need no log.
struct pix_size pix_translator_size(const pix_translator *translator)
{
    return translator_size(translator->translator);
}

uint32_t pix_translator_multiple(const pix_translator *translator)
{
    return translator_multiple(translator->translator);
}

const struct pix_train_options *pix_translator_get_options(
    const pix_translator *translator)
{
    return &translator_get_settings(translator->translator)->options;
}

const struct pix_translator_info *pix_translator_get_info(
    const pix_translator *translator)
{
    return translator_info(translator->translator);
}

bool pix_translator_run(pix_translator *translator, const struct pix_image *in,
                        struct pix_image *out)
{
    const struct log_sink *before = begin_call(translator);
    bool ok = api_check_given(in, "pix_translator_run", "in") &&
              api_check_given(out, "pix_translator_run", "out") &&
              items_translate_image(translator->translator, in, out);
    end_call(translator, before);
    return ok;
}

bool pix_translator_run_array(pix_translator *translator, const struct pix_array *in,
                              struct pix_array *out)
{
    const struct log_sink *before = begin_call(translator);
    bool ok = api_check_given(in, "pix_translator_run_array", "in") &&
              api_check_given(out, "pix_translator_run_array", "out") &&
              items_translate_array(translator->translator, in, out);
    end_call(translator, before);
    return ok;
}

const char *pix_translator_extension(const pix_translator *translator, const char *path)
{
    return translator_extension(translator->translator, path);
}

bool pix_translator_run_many(pix_translator *translator,
                             struct pix_translate_item *items, size_t count,
                             pix_translate_done *done, void *user)
{
    const struct log_sink *before = begin_call(translator);
    bool ok =
        (count == 0 || api_check_given(items, "pix_translator_run_many", "items")) &&
        items_translate(translator->translator, items, count, done, user);
    end_call(translator, before);
    return ok;
}

bool pix_translator_run_stream(pix_translator *translator,
                               const struct pix_stream_options *options,
                               uint64_t *frames)
{
    const struct log_sink *before = begin_call(translator);
    bool ok = api_check_given(options, "pix_translator_run_stream", "options") &&
              api_check_given(options->read ? options : NULL,
                              "pix_translator_run_stream", "options.read") &&
              api_check_given(options->write ? options : NULL,
                              "pix_translator_run_stream", "options.write") &&
              stream_translate(translator->translator, options, frames);
    end_call(translator, before);
    return ok;
}

bool pix_translator_plan(pix_translator *translator, uint32_t width, uint32_t height,
                         struct pix_plan *plan)
{
    const struct log_sink *before = begin_call(translator);
    bool ok = api_check_given(plan, "pix_translator_plan", "plan") &&
              items_plan_size(translator->translator, width, height, plan);
    end_call(translator, before);
    return ok;
}

bool pix_translator_plan_item(pix_translator *translator,
                              const struct pix_translate_item *item,
                              struct pix_plan *plan)
{
    const struct log_sink *before = begin_call(translator);
    bool ok = api_check_given(item, "pix_translator_plan_item", "item") &&
              api_check_given(plan, "pix_translator_plan_item", "plan") &&
              items_plan(translator->translator, item, plan);
    end_call(translator, before);
    return ok;
}

// ---------------------------------------------------------------------------
// Evaluation

void pix_evaluate_options_init(struct pix_evaluate_options *options)
{
    *options = (struct pix_evaluate_options){ 0 };
}

bool pix_evaluate(pix_translator *translator,
                  const struct pix_evaluate_options *options,
                  struct pix_evaluation *evaluation)
{
    const struct log_sink *before = begin_call(translator);
    bool ok = api_check_given(options, "pix_evaluate", "options") &&
              api_check_given(options->pairs ? options->pairs : options->data,
                              "pix_evaluate", "options.data") &&
              api_check_given(evaluation, "pix_evaluate", "evaluation") &&
              evaluate_pairs(translator->translator, options, evaluation);
    end_call(translator, before);
    return ok;
}

const char *pix_metric_name(enum pix_metric metric)
{
    return choice_name(choice_metrics, (int)metric);
}

bool pix_metric_find(const char *name, enum pix_metric *metric)
{
    int value;
    if (!choice_find(choice_metrics, name, &value))
        return false;
    *metric = (enum pix_metric)value;
    return true;
}

bool pix_metric_is_rising(enum pix_metric metric)
{
    return choice_metric_rises(metric);
}

void pix_evaluation_free(struct pix_evaluation *evaluation)
{
    if (evaluation)
        evaluation_free(evaluation);
}

void pix_compare_options_init(struct pix_compare_options *options)
{
    *options = (struct pix_compare_options){ 0 };
}

bool pix_compare(const struct pix_compare_options *options,
                 struct pix_evaluation *evaluation)
{
    struct relay relay;
    if (!api_check_given(options, "pix_compare", "options"))
        return false;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    bool ok = api_check_given(options->a, "pix_compare", "options.a") &&
              api_check_given(options->b, "pix_compare", "options.b") &&
              api_check_given(evaluation, "pix_compare", "evaluation") &&
              compare_images(options, options->device ? options->device->gpu : NULL,
                             options->device ? options->device->submission_seconds : 0,
                             evaluation);
    log_use(before);
    return ok;
}

// ---------------------------------------------------------------------------
// Weights in and out

bool pix_convert(const struct pix_convert_options *options)
{
    struct relay relay;
    if (!api_check_given(options, "pix_convert", "options"))
        return false;
    // There is no device whose log could be used, and nothing outlives this call.
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    bool ok = convert_run(options);
    log_use(before);
    return ok;
}

bool pix_convert_lpips(const struct pix_lpips_options *options)
{
    struct relay relay;
    if (!api_check_given(options, "pix_convert_lpips", "options"))
        return false;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    bool ok = lpips_convert_run(options);
    log_use(before);
    return ok;
}
