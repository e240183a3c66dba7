// SPDX-License-Identifier: MIT
//
// See findings.h.

#include "dataset/findings.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

// By pix_finding_kind.
static const struct {
    const char *name;
    enum pix_finding_level level;
} kinds[PIX_FINDING_COUNT] = {
    [PIX_FINDING_BROKEN] = { "broken", PIX_FINDING_ERROR },
    [PIX_FINDING_UNREAD] = { "unread", PIX_FINDING_ERROR },
    [PIX_FINDING_ALONE] = { "alone", PIX_FINDING_ERROR },
    [PIX_FINDING_KIND] = { "kind", PIX_FINDING_ERROR },
    [PIX_FINDING_CHANNELS] = { "channels", PIX_FINDING_WARNING },
    [PIX_FINDING_SIZE] = { "size", PIX_FINDING_WARNING },
    [PIX_FINDING_CUT] = { "cut", PIX_FINDING_WARNING },
    [PIX_FINDING_TURNED] = { "turned", PIX_FINDING_HINT },
    [PIX_FINDING_PAGES] = { "pages", PIX_FINDING_HINT },
    [PIX_FINDING_BITS] = { "bits", PIX_FINDING_HINT },
    [PIX_FINDING_CONSTANT] = { "constant", PIX_FINDING_WARNING },
    [PIX_FINDING_CLIPPED] = { "clipped", PIX_FINDING_HINT },
    [PIX_FINDING_TRANSPARENT] = { "transparent", PIX_FINDING_WARNING },
    [PIX_FINDING_COLOURS] = { "colours", PIX_FINDING_WARNING },
    [PIX_FINDING_GREY] = { "grey", PIX_FINDING_HINT },
    [PIX_FINDING_EQUAL] = { "equal", PIX_FINDING_WARNING },
    [PIX_FINDING_DUPLICATE] = { "duplicate", PIX_FINDING_WARNING },
    [PIX_FINDING_SIMILAR] = { "similar", PIX_FINDING_HINT },
    [PIX_FINDING_SHIFTED] = { "shifted", PIX_FINDING_WARNING },
    [PIX_FINDING_MISMATCHED] = { "mismatched", PIX_FINDING_HINT },
};

const char *finding_name(enum pix_finding_kind kind)
{
    return (unsigned)kind < PIX_FINDING_COUNT ? kinds[kind].name : NULL;
}

static void free_texts(struct pix_finding *f)
{
    mem_free((char *)f->file);
    mem_free((char *)f->other);
    mem_free((char *)f->text);
}

void findings_add(struct findings *f, const struct found *about, const char *text)
{
    struct found found = *about;
    struct pix_finding *one = &found.finding;
    one->level = kinds[one->kind].level;
    one->file = mem_strdup(one->file);
    one->other = one->other ? mem_strdup(one->other) : NULL;
    one->text = mem_strdup(text);
    if (one->file && one->text && (one->other || !about->finding.other) &&
        mem_grow(&f->list, &f->capacity, f->count + 1, sizeof(found))) {
        f->list[f->count++] = found;
        return;
    }
    free_texts(one);
    f->failed = true;
}

static int compare(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->finding.kind != y->finding.kind)
        return x->finding.kind < y->finding.kind ? -1 : 1;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    return strcmp(x->finding.file, y->finding.file);
}

void findings_sort(struct findings *f)
{
    if (f->count > 1)
        qsort(f->list, f->count, sizeof(*f->list), compare);
}

bool findings_hand_over(struct findings *f, struct pix_dataset_report *report)
{
    struct pix_finding *list = mem_array(MAX(f->count, 1u), sizeof(*list));
    if (!list)
        return false;
    for (size_t i = 0; i < f->count; i++) {
        const struct pix_finding *one = &f->list[i].finding;
        list[i] = *one;
        report->counts[one->kind]++;
        report->errors += one->level == PIX_FINDING_ERROR;
        report->warnings += one->level == PIX_FINDING_WARNING;
        report->hints += one->level == PIX_FINDING_HINT;
    }
    report->findings = list;
    report->count = f->count;
    f->count = 0;    // their texts are the report's
    return true;
}

void findings_free(struct findings *f)
{
    for (size_t i = 0; i < f->count; i++)
        free_texts(&f->list[i].finding);
    mem_free(f->list);
    *f = (struct findings){ 0 };
}

void findings_free_report(struct pix_dataset_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free_texts(&report->findings[i]);
    mem_free(report->findings);
    *report = (struct pix_dataset_report){ 0 };
}
