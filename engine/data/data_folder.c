// SPDX-License-Identifier: MIT
//
// The one place that knows where a split is. All places are looked at before one is
// used, so that neither an empty folder nor a stray file hides what is elsewhere. See
// data_folder.h.

#include "data/data_folder.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/pairing.h"
#include "data/picture_file.h"
#include "data/split_ratio.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXPECTED                                                                       \
    "it should hold images (" PICTURE_EXTENSIONS                                       \
    "), each with A on the left and B on "                                             \
    "the right, or folders A/ and B/ with files of equal names"

enum form {
    TOGETHER,    // A and B in one image
    SIDES,       // A and B in two folders
    UNSURE,      // the same, though they may be no pairs
    CLASSES,     // images with A and B in folders of the folder
};

// Folders of DATA, by what is before and behind the name of the split.
static const struct layout {
    enum form form;
    const char *a[2], *b[2];
} layouts[] = {
    { TOGETHER, { "", "" } },
    { SIDES, { "", "/A" }, { "", "/B" } },
    { SIDES, { "A/", "" }, { "B/", "" } },
    { UNSURE, { "", "A" }, { "", "B" } },
    { SIDES, { "", "_A" }, { "", "_B" } },
    { SIDES, { "A_", "" }, { "B_", "" } },
    { CLASSES, { "", "" } },
};

enum { LAYOUTS = ARRAY_LEN(layouts), SPLIT_FOLDER = 0, NOTE = 1024 };

// What is in the folders of a layout.
struct place {
    const struct layout *layout;
    char *a, *b;          // paths; b NULL: both sides are in a
    bool has_a, has_b;    // they are folders
    struct listing list_a, list_b;
    struct pairing pairing;
    bool is_poor;    // has files, but they are not taken for pairs
    size_t pairs;
};

static void place_free(struct place *p)
{
    pairing_free(&p->pairing);
    listing_free(&p->list_a);
    listing_free(&p->list_b);
    mem_free(p->a);
    mem_free(p->b);
}

// Whether a layout is one of a folder without splits: DATA, DATA/A and DATA/B.
static bool is_whole(const struct layout *layout)
{
    const char *const *name = layout->a;
    return !*name[0] && (!*name[1] || *name[1] == '/');
}

// `split` NULL: of a layout that is_whole.
static char *make_path(const char *data, const char *split, const char *const name[2])
{
    if (!split)
        return *name[1] ? file_join(data, name[1] + 1) : mem_strdup(data);
    char *folder = mem_printf("%s%s%s", name[0], split, name[1]);
    char *path = folder ? file_join(data, folder) : NULL;
    mem_free(folder);
    return path;
}

static bool is_sides(const struct place *p)
{
    return p->layout->form == SIDES || p->layout->form == UNSURE;
}

// Whether a folder is there. False after a message if the system cannot say for the
// moment: another place would be used instead.
static bool look(const char *path, bool *has)
{
    enum os_kind kind;
    const bool ok = os_path_look(path, &kind);
    *has = kind == OS_KIND_FOLDER;
    if (!ok)
        log_error("dataset: cannot look at %s: %s", path, os_error_text());
    return ok;
}

// Finds which folders of a layout exist. False after a message.
static bool place_init(struct place *p, const struct layout *layout, const char *data,
                       const char *split)
{
    *p = (struct place){ .layout = layout };
    if (!split && !is_whole(layout))
        return true;
    p->a = make_path(data, split, layout->a);
    if (is_sides(p))
        p->b = make_path(data, split, layout->b);
    if (!p->a || (is_sides(p) && !p->b))
        return false;
    return look(p->a, &p->has_a) && (!p->b || look(p->b, &p->has_b));
}

// Counts the pairs. `places` are all, of which those before this one have been read.
// Folders in the folder of a split may hold anything, such as masks: they count only
// where there is no pair anywhere else. They are the last of the places.
static bool place_read(struct place *p, const struct place *places)
{
    const bool is_classes = p->layout->form == CLASSES;
    if (!p->has_a || (is_sides(p) && !p->has_b) ||
        (is_classes && !places[SPLIT_FOLDER].has_a))    // it has gone meanwhile
        return true;
    if (is_classes ? !listing_read_folders(&places[SPLIT_FOLDER].list_a,
                                           picture_has_known_extension, &p->list_a)
                   : !listing_read(p->a, picture_has_known_extension, &p->list_a))
        return false;
    for (size_t i = 0; is_classes && i < LAYOUTS; i++)
        p->is_poor = p->is_poor || places[i].pairs > 0;
    p->pairs = p->is_poor ? 0 : p->list_a.pictures.count;
    if (!is_sides(p))
        return true;
    if (!listing_read(p->b, picture_has_known_extension, &p->list_b) ||
        !pairing_find(&p->list_a, &p->list_b, &p->pairing))
        return false;
    if (p->layout->form == UNSURE && !pairing_is_poor(&p->pairing, &p->is_poor))
        return false;
    p->pairs = p->is_poor ? 0 : p->pairing.pairs;
    return true;
}

// Whether there are files that could belong to pairs.
static bool has_files(const struct place *p)
{
    return p->list_a.pictures.count + p->list_b.pictures.count +
               p->list_a.others.count + p->list_b.others.count >
           0;
}

// "DATA/train/A and DATA/train/B". NULL without memory.
static char *describe(const struct place *p)
{
    if (is_sides(p))
        return mem_printf("%s and %s", p->a, p->b);
    return p->layout->form == CLASSES ? mem_printf("the folders of %s", p->a)
                                      : mem_strdup(p->a);
}

static void free_places(struct place *places)
{
    for (size_t i = 0; i < LAYOUTS; i++)
        place_free(&places[i]);
}

// The places of a split, which may all be absent. False after a message.
static bool find_places(struct place *places, const char *data, const char *split)
{
    bool ok = true;
    memset(places, 0, LAYOUTS * sizeof(*places));
    for (size_t i = 0; ok && i < LAYOUTS; i++)
        ok = place_init(&places[i], &layouts[i], data, split);
    if (!ok)
        free_places(places);
    return ok;
}

bool data_folder_has(const char *data, const char *split, bool *has)
{
    struct place places[LAYOUTS];
    *has = false;
    if (!find_places(places, data, split))
        return false;
    for (size_t i = 0; i < LAYOUTS; i++)
        *has = *has || places[i].has_a || places[i].has_b;
    free_places(places);
    return true;
}

bool data_folder_is_split(const char *data, bool *is_split)
{
    *is_split = false;
    for (int i = 0; i < SPLIT_COUNT && !*is_split; i++)
        if (!data_folder_has(data, split_name((enum split)i), is_split))
            return false;
    return true;
}

// What is visited, and by whom.
struct visitor {
    bool unread;    // files that are not read, else images
    bool (*visit)(void *user, const char *path);
    void *user;
};

// Of a folder of A or B (`side`) every file is meant to be an image.
static bool visit_listing(const struct listing *l, bool side, const struct visitor *v)
{
    const struct file_list *list = v->unread ? &l->others : &l->pictures;
    bool ok = true;
    for (size_t i = 0; ok && i < list->count; i++) {
        if (v->unread && !side && !picture_has_foreign_extension(list->names[i]))
            continue;
        char *path = file_join(l->folder, list->names[i]);
        ok = path && v->visit(v->user, path);
        mem_free(path);
    }
    return ok;
}

// With what is in its folders, if `deep`, else as a side.
static bool visit_folder(const char *folder, bool deep, const struct visitor *v)
{
    struct listing own = { 0 }, inner = { 0 };
    const bool ok =
        listing_read(folder, picture_has_known_extension, &own) &&
        visit_listing(&own, !deep, v) &&
        (!deep || (listing_read_folders(&own, picture_has_known_extension, &inner) &&
                   visit_listing(&inner, false, v)));
    listing_free(&own);
    listing_free(&inner);
    return ok;
}

static bool visit_places(const char *data, const char *split, const struct visitor *v)
{
    struct place places[LAYOUTS];
    if (!find_places(places, data, split))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < LAYOUTS; i++) {
        const struct place *p = &places[i];
        // Two layouts have the folder of the split itself.
        if (i != SPLIT_FOLDER && p->layout->form != CLASSES)
            ok = (!p->has_a || visit_folder(p->a, false, v)) &&
                 (!p->has_b || visit_folder(p->b, false, v));
        else if (i == SPLIT_FOLDER)
            ok = !p->has_a || visit_folder(p->a, true, v);
    }
    free_places(places);
    return ok;
}

bool data_folder_visit(const char *data, const char *split,
                       bool (*visit)(void *user, const char *path), void *user)
{
    return visit_places(data, split, &(struct visitor){ false, visit, user });
}

bool data_folder_visit_unread(const char *data, const char *split,
                              bool (*visit)(void *user, const char *path), void *user)
{
    return visit_places(data, split, &(struct visitor){ true, visit, user });
}

// ---------------------------------------------------------------------------
// The place that is used

static void append(char text[NOTE], const char *format, ...) PRINTF_LIKE(2, 3);

static void append(char text[NOTE], const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, NOTE - used, format, args);
    va_end(args);
}

// Images of kinds that are not read. In folders A and B every file is meant to be one.
static size_t count_unread(const struct place *p)
{
    size_t count = p->list_a.others.count + p->list_b.others.count;
    if (is_sides(p))
        return count;
    count = 0;
    for (size_t i = 0; i < p->list_a.others.count; i++)
        count += picture_has_foreign_extension(p->list_a.others.names[i]);
    return count;
}

// Adds what an unused place holds to a list of these. Empty folders are no places.
static void note_unused(const struct place *p, char text[NOTE])
{
    const char *comma = text[0] ? "; " : "";
    const size_t pictures = p->list_a.pictures.count, unread = count_unread(p);
    char others[64] = "";
    if (unread > 0)
        snprintf(others, sizeof(others), ", %zu file%s not read", unread,
                 unread == 1 ? " that is" : "s that are");
    if (is_sides(p) && p->has_a != p->has_b)
        append(text, "%s%s (without %s)", comma, p->has_a ? p->a : p->b,
               p->has_a ? p->b : p->a);
    else if (is_sides(p) && pictures + p->list_b.pictures.count + unread > 0)
        append(text, "%s%s and %s (%zu pair%s%s)", comma, p->a, p->b, p->pairing.pairs,
               PLURAL(p->pairing.pairs), others);
    else if (!is_sides(p) && pictures + unread > 0)
        append(text, "%s%zu image%s%s in %s%s", comma, pictures, PLURAL(pictures),
               others, p->layout->form == CLASSES ? "the folders of " : "", p->a);
}

static bool fill_together(const struct listing *l, struct pair_list *list)
{
    for (size_t i = 0; i < l->pictures.count; i++) {
        const char *name = l->pictures.names[i];
        struct pair_file *file = &list->files[list->count++];
        *file = (struct pair_file){ .name = mem_strdup(name),
                                    .a = file_join(l->folder, name) };
        if (!file->name || !file->a)
            return false;
    }
    return true;
}

// Files whose extension is not read, and those without a partner.
static bool report_left_out(const struct place *p)
{
    listing_warn(&p->list_a);
    listing_warn(&p->list_b);
    return !is_sides(p) || pairing_report(&p->pairing);
}

static bool use(const struct place *places, const struct place *p,
                enum data_files files, bool quiet, struct pair_list *list)
{
    char unused[NOTE] = "";
    list->folder = describe(p);
    list->files = mem_array(p->pairs, sizeof(*list->files));
    if (!list->folder || !list->files)
        return false;
    for (size_t i = 0; i < LAYOUTS; i++)
        if (&places[i] != p)
            note_unused(&places[i], unused);
    if (unused[0] && !quiet)
        log_warn("dataset: using the %zu %s of %s; other places of this split are "
                 "ignored: %s",
                 p->pairs, pair_noun(files == DATA_IMAGES, p->pairs), list->folder,
                 unused);
    return (quiet || report_left_out(p)) &&
           (is_sides(p) ? pairing_add(&p->pairing, list)
                        : fill_together(&p->list_a, list));
}

// ---------------------------------------------------------------------------
// No pairs

static void refuse_sides(const struct place *p)
{
    const size_t in_a = p->list_a.pictures.count, in_b = p->list_b.pictures.count;
    size_t unread = 0;
    const char *example = NULL;
    if (p->is_poor && in_a > 0 && in_b > 0) {
        listing_warn(&p->list_a);
        listing_warn(&p->list_b);
        log_error("dataset: %s and %s look unpaired: of %zu and %zu images %zu have a "
                  "partner of the same name; pix2pix learns from pairs: give the two "
                  "images of a pair one name, or train unpaired images with another "
                  "method, such as CycleGAN",
                  p->a, p->b, in_a, in_b, p->pairing.pairs);
        return;
    }
    if (!report_left_out(p) || !pairing_count_unread(&p->pairing, &unread, &example))
        return;
    if (unread > 0)
        log_error("dataset: no pairs in %s and %s can be read: %zu file%s a partner "
                  "whose extension is not read (first: %s); " PICTURE_EXTENSIONS
                  " are: convert the others",
                  p->a, p->b, unread, unread == 1 ? " has" : "s have", example);
    else if (in_a == 0 || in_b == 0)
        log_error("dataset: no images in %s: there and in %s files of equal names are "
                  "needed (" PICTURE_EXTENSIONS ")",
                  in_a ? p->b : p->a, in_a ? p->a : p->b);
    else
        log_error("dataset: no files in %s and %s have equal names; pairs are found by "
                  "them, extensions may differ",
                  p->a, p->b);
}

// Two folders of the split with mostly equal names are the sides of pairs under names
// of their own, and no images with both sides. False after a message, or without
// memory.
static bool check_classes(const struct place *classes, const struct listing *split)
{
    const struct file_list *all = &split->folders;
    struct listing sides[2] = { { 0 } };
    struct pairing pairing = { 0 };
    bool is_poor = true;
    if (all->count != 2)
        return true;
    bool ok = true;
    for (int side = 0; ok && side < 2; side++) {
        char *path = file_join(split->folder, all->names[side]);
        ok = path && listing_read(path, picture_has_known_extension, &sides[side]);
        mem_free(path);
    }
    ok = ok && pairing_find(&sides[0], &sides[1], &pairing) &&
         pairing_is_poor(&pairing, &is_poor);
    if (ok && !is_poor && pairing.pairs > 0) {
        log_error("dataset: %s has folders %s and %s with %zu files of equal names, "
                  "which seem to be the two sides of pairs: call them A and B. If each "
                  "image has both sides, move the images of both folders into %s",
                  classes->a, all->names[0], all->names[1], pairing.pairs, classes->a);
        ok = false;
    }
    pairing_free(&pairing);
    listing_free(&sides[0]);
    listing_free(&sides[1]);
    return ok;
}

// Whether a folder of this name is in it and has images: not other folders, as A has
// them that is divided into splits.
static bool has_images(const struct listing *l, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < l->folders.count; i++)
        found = found || strcmp(l->folders.names[i], name) == 0;
    if (!found)
        return false;
    struct listing inner = { 0 };
    char *path = file_join(l->folder, name);
    found = path && listing_read(path, picture_has_known_extension, &inner) &&
            inner.pictures.count > 0;
    listing_free(&inner);
    mem_free(path);
    return found;
}

// Length of a path without the separators at its end.
static size_t bare_length(const char *path, size_t length)
{
    while (length > 1 && file_is_separator(path[length - 1]))
        length--;
    return length;
}

// Where the data folder has no folder of the split: whether it is one itself, or holds
// what belongs there. True after a message.
static bool refuse_level(const char *data, const char *split, enum data_files files)
{
    const size_t length = bare_length(data, strlen(data)), tail = strlen(split);
    const size_t before = length - MIN(length, tail);
    struct listing l;
    if (!listing_read(data, picture_has_known_extension, &l))
        return true;
    const bool has_sides =
        files == DATA_PAIRS && has_images(&l, "A") && has_images(&l, "B");
    const bool is_split = length >= tail && strncmp(data + before, split, tail) == 0 &&
                          (before == 0 || file_is_separator(data[before - 1]));
    const bool is_found = has_sides || l.pictures.count > 0;
    if (is_found && is_split)
        log_error(
            "dataset: %s is the folder of a split itself: pass the folder that it "
            "is in, --data %.*s",
            data, before ? (int)bare_length(data, before) : 1, before ? data : ".");
    else if (has_sides)
        log_error("dataset: %s has folders A and B, but no folder %s: move them into "
                  "%.*s/%s, or divide their pairs with --split-ratio",
                  data, split, (int)length, data, split);
    else if (is_found)
        log_error("dataset: %s has %zu image%s, but no folder %s: move what belongs to "
                  "this split into %.*s/%s, or divide them with --split-ratio",
                  data, l.pictures.count, PLURAL(l.pictures.count), split, (int)length,
                  data, split);
    listing_free(&l);
    return is_found;
}

// Says of the place that was most likely meant why it has no pairs.
static void refuse(const struct place *places, const char *data, const char *split)
{
    const struct place *sides = NULL, *half = NULL, *together = &places[SPLIT_FOLDER];
    for (size_t i = LAYOUTS; i-- > 0;) {
        const struct place *p = &places[i];
        if (is_sides(p) && p->has_a && p->has_b &&
            (has_files(p) || !sides || !has_files(sides)))
            sides = p;
        else if (is_sides(p) && p->has_a != p->has_b)
            half = p;
    }
    if (sides && (has_files(sides) || !has_files(together))) {
        refuse_sides(sides);
    } else if (half) {
        log_error(
            "dataset: there is a folder %s, but no %s: both are needed, with files "
            "of equal names",
            half->has_a ? half->a : half->b, half->has_a ? half->b : half->a);
    } else if (together->has_a) {
        listing_warn(&together->list_a);
        listing_warn(&places[LAYOUTS - 1].list_a);
        log_error("dataset: no images in %s: " EXPECTED, together->a);
    } else if (!refuse_level(data, split, DATA_PAIRS)) {
        log_error(
            "dataset: the data folder %s has no folder %s (nor A/%s, %sA, %s_A or "
            "A_%s): " EXPECTED,
            data, split, split, split, split, split);
    }
}

// Whether a place is used rather than another one, which may be NULL and comes before
// it. Of equally many pairs those in two folders are sure to be some.
static bool is_better(const struct place *p, const struct place *than)
{
    if (!than || p->pairs != than->pairs)
        return p->pairs > (than ? than->pairs : 0);
    return is_sides(p) && than->layout->form == TOGETHER;
}

static bool may_hold(const struct place *p, enum data_files files)
{
    return files == DATA_PAIRS || !is_sides(p);
}

static void refuse_images(const struct place *places, const char *data,
                          const char *split)
{
    const struct place *together = &places[SPLIT_FOLDER], *sides = NULL;
    for (size_t i = LAYOUTS; i-- > 0;)
        if (is_sides(&places[i]) && places[i].pairs > 0)
            sides = &places[i];
    listing_warn(&together->list_a);
    if (sides)
        log_error("dataset: %s and %s hold pairs, and the task makes both sides of "
                  "single images: put the images of one side into %s%s%s",
                  sides->a, sides->b, data, split ? "/" : "", split ? split : "");
    else if (together->has_a)
        log_error("dataset: no images in %s (" PICTURE_EXTENSIONS " are read)",
                  together->a);
    else if (!refuse_level(data, split, DATA_IMAGES))
        log_error("dataset: the data folder %s has no folder %s: it should hold "
                  "images (" PICTURE_EXTENSIONS "), of which the task makes pairs",
                  data, split);
}

static bool list_split(const char *data, const char *split, enum data_files files,
                       bool quiet, struct pair_list *list)
{
    struct place places[LAYOUTS];
    const struct place *best = NULL;
    *list = (struct pair_list){ 0 };
    bool is_folder;
    if (!look(data, &is_folder))
        return false;
    if (!is_folder) {
        log_error("dataset: the data folder %s %s", data,
                  file_exists(data) ? "is not a folder"
                                    : "does not exist: check its path");
        return false;
    }
    if (!find_places(places, data, split))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < LAYOUTS; i++)
        ok = place_read(&places[i], places);
    for (size_t i = 0; ok && i < LAYOUTS; i++)
        if (is_better(&places[i], best) && may_hold(&places[i], files))
            best = &places[i];
    if (ok && best && files == DATA_PAIRS && best->layout->form == CLASSES)
        ok = check_classes(best, &places[SPLIT_FOLDER].list_a);
    if (ok && best)
        ok = use(places, best, files, quiet, list);
    else if (ok && files == DATA_IMAGES)
        refuse_images(places, data, split);
    else if (ok)
        refuse(places, data, split);
    free_places(places);
    if (ok && best)
        return true;
    pair_list_free(list);
    return false;
}

bool data_folder_list(const char *data, const char *split, enum data_files files,
                      struct pair_list *list)
{
    return list_split(data, split, files, false, list);
}

bool data_folder_list_whole(const char *data, enum data_files files, bool quiet,
                            struct pair_list *list)
{
    return list_split(data, NULL, files, quiet, list);
}
