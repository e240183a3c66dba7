// SPDX-License-Identifier: MIT
//
// See read_files.h.

#include "evaluate/read_files.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/lpips_file.h"

bool read_files_add(struct read_files *files, const char *path)
{
    if (!path)
        return true;
    if (!mem_grow(&files->paths, &files->capacity, files->count + 1,
                  sizeof(*files->paths)))
        return false;
    char *copy = mem_strdup(path);
    if (!copy)
        return false;
    files->paths[files->count++] = copy;
    return file_set_add(&files->set, copy);
}

bool read_files_add_pairs(struct read_files *files, const struct pair_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!read_files_add(files, list->files[i].a) ||
            !read_files_add(files, list->files[i].b))
            return false;
    return true;
}

bool read_files_add_listing(struct read_files *files, const struct listing *l)
{
    bool ok = true;
    for (size_t i = 0; ok && i < l->pictures.count; i++) {
        char *path = file_join(l->folder, l->pictures.names[i]);
        ok = path && read_files_add(files, path);
        mem_free(path);
    }
    return ok;
}

static bool add_visited(void *user, const char *path)
{
    return read_files_add(user, path);
}

bool read_files_add_source(struct read_files *files, const struct data_source *source)
{
    return data_source_visit(source, add_visited, files);
}

bool read_files_add_lpips(struct read_files *files, const char *path)
{
    struct file_list kept = { 0 };
    if (lpips_file_is_named(path))
        return read_files_add(files, path);
    bool ok = lpips_file_list(&kept);
    for (size_t i = 0; ok && i < kept.count; i++)
        ok = read_files_add(files, kept.names[i]);
    file_list_free(&kept);
    return ok;
}

bool read_files_keep(struct read_files *files, const char *const *outputs, size_t count,
                     const char *command)
{
    for (size_t i = 0; i < count; i++) {
        const char *found = NULL;
        if (outputs[i] && !file_set_find(&files->set, outputs[i], &found))
            return false;
        if (found) {
            log_error("%s: the output %s is the input %s, which would be overwritten: "
                      "name another output",
                      command, outputs[i], found);
            return false;
        }
    }
    return true;
}

void read_files_free(struct read_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        mem_free(files->paths[i]);
    mem_free(files->paths);
    file_set_free(&files->set);
    *files = (struct read_files){ 0 };
}

bool read_files_matter(const char *const *outputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (outputs[i] && file_exists(outputs[i]))
            return true;
    return false;
}
