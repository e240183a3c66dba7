// SPDX-License-Identifier: MIT
//
// See file_notes.h.

#include "data/file_notes.h"

#include "data/picture_file.h"

static void set_note(struct file_note *note, const char *path, uint32_t number)
{
    if (!note->path)
        *note = (struct file_note){ path, number };
}

void file_notes_add(struct file_notes *n, const struct picture_reading *reading,
                    const struct picture *p, const char *path)
{
    if (p->orientation && !reading->as_stored)
        set_note(&n->turned, path, p->orientation);
    if (p->pages > 1 && reading->page == 0)
        set_note(&n->paged, path, p->pages);
    if (p->is_cut)
        set_note(&n->cut_short, path, 0);
}

static void count_note(struct file_count *c, const struct file_note *note)
{
    if (note->path && c->count++ == 0)
        c->first = *note;
}

void file_tally_add(struct file_tally *t, const struct file_notes *notes)
{
    count_note(&t->turned, &notes->turned);
    count_note(&t->paged, &notes->paged);
    count_note(&t->cut_short, &notes->cut_short);
}

void file_tally_report(const struct file_tally *t, size_t items, const char *name)
{
    if (t->cut_short.count > 0)
        picture_warn_of_cut(t->cut_short.first.path, t->cut_short.count, items);
    if (t->turned.count > 0)
        picture_tell_of_turning(t->turned.first.path, t->turned.first.number,
                                t->turned.count, items);
    if (t->paged.count > 0)
        picture_tell_of_pages(t->paged.first.path, t->paged.first.number,
                              t->paged.count, items, name);
}

void file_notes_report(const struct picture_reading *reading, const struct picture *p,
                       const char *path)
{
    struct file_notes notes = { .turned = { NULL, 0 } };
    struct file_tally tally = { .turned = { 0, { NULL, 0 } } };
    file_notes_add(&notes, reading, p, path);
    file_tally_add(&tally, &notes);
    file_tally_report(&tally, 1, "image");
}
