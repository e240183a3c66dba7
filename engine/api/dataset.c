// SPDX-License-Identifier: MIT
//
// Data sets in the public API. See relay.h.

#include "api/relay.h"

#include "dataset/arrange.h"
#include "dataset/check.h"
#include "dataset/findings.h"
#include "dataset/pixel_statistics.h"

void pix_dataset_options_init(struct pix_dataset_options *options)
{
    *options = (struct pix_dataset_options){ 0 };
}

const char *pix_finding_name(enum pix_finding_kind kind)
{
    return finding_name(kind);
}

bool pix_dataset_check(const struct pix_dataset_options *options, const char *sheet,
                       struct pix_dataset_report *report)
{
    struct relay relay;
    if (!api_check_given(options, "pix_dataset_check", "options") ||
        !api_check_given(report, "pix_dataset_check", "report"))
        return false;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    const bool ok = check_dataset(options, sheet, report);
    log_use(before);
    return ok;
}

void pix_dataset_report_free(struct pix_dataset_report *report)
{
    if (report)
        findings_free_report(report);
}

bool pix_dataset_stats(const struct pix_dataset_options *options,
                       struct pix_dataset_statistics *statistics)
{
    struct relay relay;
    if (!api_check_given(options, "pix_dataset_stats", "options") ||
        !api_check_given(statistics, "pix_dataset_stats", "statistics"))
        return false;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    const bool ok = pixel_statistics_find(options, statistics);
    log_use(before);
    return ok;
}

void pix_dataset_statistics_free(struct pix_dataset_statistics *statistics)
{
    if (statistics)
        pixel_statistics_free(statistics);
}

bool pix_dataset_combine(const struct pix_dataset_options *options, const char *out,
                         uint64_t *written, uint64_t *failed)
{
    struct relay relay;
    if (!api_check_given(options, "pix_dataset_combine", "options") ||
        !api_check_given(out, "pix_dataset_combine", "out") ||
        !api_check_given(written, "pix_dataset_combine", "written") ||
        !api_check_given(failed, "pix_dataset_combine", "failed"))
        return false;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    const bool ok = arrange_combined(options, out, written, failed);
    log_use(before);
    return ok;
}

bool pix_dataset_separate(const struct pix_dataset_options *options, const char *out,
                          uint64_t *written, uint64_t *failed)
{
    struct relay relay;
    if (!api_check_given(options, "pix_dataset_separate", "options") ||
        !api_check_given(out, "pix_dataset_separate", "out") ||
        !api_check_given(written, "pix_dataset_separate", "written") ||
        !api_check_given(failed, "pix_dataset_separate", "failed"))
        return false;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    const bool ok = arrange_separated(options, out, written, failed);
    log_use(before);
    return ok;
}

bool pix_dataset_split(const struct pix_dataset_options *options, const char *out,
                       uint64_t copied[3])
{
    struct relay relay;
    if (!api_check_given(options, "pix_dataset_split", "options") ||
        !api_check_given(out, "pix_dataset_split", "out") ||
        !api_check_given(copied, "pix_dataset_split", "copied"))
        return false;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    const bool ok = arrange_split(options, out, copied);
    log_use(before);
    return ok;
}
