// SPDX-License-Identifier: MIT
//
// libzip reads from a stream of ours and writes through base/file, so that paths are
// opened and files replaced as everywhere in the engine. See archive.h.

#include "formats/archive.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <zip.h>

#define RECORDS_MAX 131072
#define ALIGNMENT 64u       // of records, as PyTorch does
#define LOCAL_HEADER 30u    // bytes of a record before its name
#define FIELD_HEADER 4u     // bytes of an extra field before its padding
#define FIELD_ID 0x4246     // "FB", the extra field that PyTorch pads with

// ---------------------------------------------------------------------------
// Reading

struct archive {
    char *path;
    uint64_t size;    // of the file
    zip_t *zip;
    zip_file_t *file;    // the record that is being read
    uint64_t left;       // bytes of it
    bool whole;          // it is read from its first byte
    bool summed;         // it has a checksum
};

struct archive *archive_open(FILE *stream, uint64_t size, const char *path)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = NULL;
    struct archive *a = mem_zalloc(sizeof(*a));
    if (!a)
        goto fail;
    a->size = size;
    a->path = mem_strdup(path);
    if (!a->path)
        goto fail;
    // A source, and later the archive, owns what it was made from.
    source = zip_source_filep_create(stream, 0, -1, &error);
    if (source)
        stream = NULL;
    a->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (!a->zip) {
        log_error("archive: %s is a damaged zip archive or cut short: %s", path,
                  zip_error_strerror(&error));
        goto fail;
    }
    source = NULL;
    if (zip_get_num_entries(a->zip, 0) > RECORDS_MAX) {
        log_error("archive: %s has too many records", path);
        goto fail;
    }
    zip_error_fini(&error);
    return a;

fail:
    zip_error_fini(&error);
    if (source)
        zip_source_free(source);
    if (stream)
        fclose(stream);
    archive_close(a);
    return NULL;
}

void archive_close(struct archive *a)
{
    if (!a)
        return;
    if (a->file)
        zip_fclose(a->file);
    if (a->zip)
        zip_discard(a->zip);
    mem_free(a->path);
    mem_free(a);
}

uint64_t archive_count(const struct archive *a)
{
    zip_int64_t count = zip_get_num_entries(a->zip, 0);
    return count > 0 ? (uint64_t)count : 0;
}

const char *archive_name(const struct archive *a, uint64_t index)
{
    return zip_get_name(a->zip, index, 0);
}

bool archive_find(struct archive *a, const char *name, uint64_t *index)
{
    zip_int64_t found = zip_name_locate(a->zip, name, 0);
    *index = found < 0 ? 0 : (uint64_t)found;
    return found >= 0;
}

// Compressed records are refused and not unpacked: their stated size would have to be
// believed, and a small file can unpack to terabytes.
bool archive_look(struct archive *a, uint64_t index, struct archive_record *record)
{
    const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    zip_stat_t s;
    zip_stat_init(&s);
    if (zip_stat_index(a->zip, index, 0, &s) != 0 || (s.valid & needed) != needed) {
        log_error("archive: %s is damaged: its record %" PRIu64 " has no description",
                  a->path, index);
        return false;
    }
    if (s.comp_method != ZIP_CM_STORE || s.encryption_method != ZIP_EM_NONE) {
        log_error("archive: record %s of %s is %s, which PyTorch never does: unpack "
                  "the file and repack it uncompressed (zip -0)",
                  s.name, a->path,
                  s.comp_method != ZIP_CM_STORE ? "compressed" : "encrypted");
        return false;
    }
    if (s.size != s.comp_size || s.size > a->size) {
        log_error("archive: %s is damaged: record %s cannot have %" PRIu64 " bytes",
                  a->path, s.name, (uint64_t)s.size);
        return false;
    }
    *record = (struct archive_record){
        .index = index,
        .size = s.size,
        // PyTorch has an option to write no checksums; then 0 is in their place.
        .summed = (s.valid & ZIP_STAT_CRC) && s.crc != 0,
    };
    return true;
}

// Gives up the record that is being read.
static bool read_failed(struct archive *a, zip_error_t *error)
{
    log_error("archive: cannot read %s: %s", a->path, zip_error_strerror(error));
    if (a->file)
        zip_fclose(a->file);
    a->file = NULL;
    return false;
}

bool archive_begin(struct archive *a, const struct archive_record *r, uint64_t offset)
{
    if (a->file)    // begun and not ended
        zip_fclose(a->file);
    a->file = zip_fopen_index(a->zip, r->index, 0);
    if (!a->file)
        return read_failed(a, zip_get_error(a->zip));
    if (offset > 0 && zip_fseek(a->file, (zip_int64_t)offset, SEEK_SET) != 0)
        return read_failed(a, zip_file_get_error(a->file));
    a->left = r->size - offset;
    a->whole = offset == 0;
    a->summed = r->summed;
    return true;
}

bool archive_take(struct archive *a, void *data, size_t size)
{
    uint8_t *to = data;
    a->left -= size;
    while (size > 0) {
        zip_int64_t count = zip_fread(a->file, to, size);
        if (count < 0)
            return read_failed(a, zip_file_get_error(a->file));
        if (count == 0) {    // the record is shorter than the directory says
            zip_error_t error;
            zip_error_init(&error);
            zip_error_set(&error, ZIP_ER_EOF, 0);
            return read_failed(a, &error);
        }
        to += count;
        size -= (size_t)count;
    }
    return true;
}

bool archive_end(struct archive *a)
{
    // libzip compares the checksums when it reaches the end.
    char none;
    if (a->whole && a->summed && a->left == 0 && zip_fread(a->file, &none, 1) != 0)
        return read_failed(a, zip_file_get_error(a->file));
    zip_fclose(a->file);
    a->file = NULL;
    return true;
}

// ---------------------------------------------------------------------------
// Writing: libzip reads the bytes of each record from a source and writes the file to a
// sink. Both are callbacks that are given a command.

struct writing {
    struct file_writer file;
    uint64_t position, size;    // of the file so far, bytes
    const struct archive_part *parts;
    const void *(*bytes)(void *user, size_t part);
    void *user;
    bool reported;    // the failure has its message
    zip_error_t error;
};

// The source of one record.
struct part_source {
    struct writing *writing;
    size_t index;
    const uint8_t *bytes;
    uint64_t at;
};

// What a callback returns on failure; libzip then asks it for the error.
static zip_int64_t give_up(struct writing *w, int why)
{
    zip_error_set(&w->error, why, 0);
    return -1;
}

// The file is written through base/file, which reports its own failures.
static zip_int64_t sink_write(struct writing *w, const void *data, zip_uint64_t size)
{
    if (!file_writer_write(&w->file, data, (size_t)size)) {
        w->reported = true;
        return give_up(w, ZIP_ER_WRITE);
    }
    w->position += size;
    w->size = MAX(w->size, w->position);
    return (zip_int64_t)size;
}

// libzip goes back to the header of a record when its checksum is known.
static zip_int64_t sink_seek(struct writing *w, void *data, zip_uint64_t size)
{
    zip_int64_t to =
        zip_source_seek_compute_offset(w->position, w->size, data, size, &w->error);
    if (to < 0)
        return -1;
    if (!os_file_seek(w->file.stream, (uint64_t)to))
        return give_up(w, ZIP_ER_SEEK);
    w->position = (uint64_t)to;
    return 0;
}

static zip_int64_t sink(void *user, void *data, zip_uint64_t size,
                        zip_source_cmd_t command)
{
    struct writing *w = user;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
            ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
            ZIP_SOURCE_SUPPORTS, ZIP_SOURCE_BEGIN_WRITE, ZIP_SOURCE_COMMIT_WRITE,
            ZIP_SOURCE_ROLLBACK_WRITE, ZIP_SOURCE_WRITE, ZIP_SOURCE_SEEK_WRITE,
            ZIP_SOURCE_TELL_WRITE, ZIP_SOURCE_REMOVE, -1);
    case ZIP_SOURCE_STAT:
        // libzip asks for an archive to add to; there is none.
        zip_error_set(&w->error, ZIP_ER_READ, ENOENT);
        return -1;
    // archive_write opens the file before and commits or removes it after libzip.
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_COMMIT_WRITE:
    case ZIP_SOURCE_ROLLBACK_WRITE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_WRITE:
        return sink_write(w, data, size);
    case ZIP_SOURCE_SEEK_WRITE:
        return sink_seek(w, data, size);
    case ZIP_SOURCE_TELL_WRITE:
        return (zip_int64_t)w->position;
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&w->error, data, size);
    default:
        return give_up(w, ZIP_ER_OPNOTSUPP);
    }
}

static zip_int64_t source_read(struct part_source *s, void *data, zip_uint64_t size)
{
    uint64_t count = MIN(size, s->writing->parts[s->index].size - s->at);
    if (count > 0)
        memcpy(data, s->bytes + s->at, (size_t)count);
    s->at += count;
    return (zip_int64_t)count;
}

// The bytes are asked for when libzip opens the source, so that only those of one
// record exist at a time.
static zip_int64_t source(void *user, void *data, zip_uint64_t size,
                          zip_source_cmd_t command)
{
    struct part_source *s = user;
    struct writing *w = s->writing;
    zip_stat_t *stat = data;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ,
                                              ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                              ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, -1);
    case ZIP_SOURCE_OPEN:
        s->at = 0;
        s->bytes = w->bytes(w->user, s->index);
        w->reported = !s->bytes;
        return s->bytes ? 0 : give_up(w, ZIP_ER_READ);
    case ZIP_SOURCE_READ:
        return source_read(s, data, size);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_STAT:
        if (size < sizeof(*stat))
            return give_up(w, ZIP_ER_INVAL);
        zip_stat_init(stat);
        stat->size = stat->comp_size = w->parts[s->index].size;
        stat->comp_method = ZIP_CM_STORE;
        stat->valid = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
        return sizeof(*stat);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&w->error, data, size);
    default:
        return give_up(w, ZIP_ER_OPNOTSUPP);
    }
}

// Adds a record whose header begins at *offset in the file, and moves *offset behind
// it. libzip writes records in the order in which they were added, so the padding of
// each is known here.
static bool add_record(zip_t *zip, struct part_source *s, uint64_t *offset)
{
    static const zip_uint8_t zeros[ALIGNMENT];
    const struct archive_part *part = &s->writing->parts[s->index];
    // An extra field of zeros pads the header, so that the bytes begin aligned.
    uint64_t begin = *offset + LOCAL_HEADER + strlen(part->name) + FIELD_HEADER;
    uint16_t padding = (uint16_t)(ALIGN_UP(begin, ALIGNMENT) - begin);
    zip_source_t *bytes = zip_source_function(zip, source, s);
    if (!bytes)
        return false;
    zip_int64_t added = zip_file_add(zip, part->name, bytes, 0);
    if (added < 0) {
        zip_source_free(bytes);
        return false;
    }
    zip_uint64_t index = (zip_uint64_t)added;
    *offset = begin + padding + part->size;
    // 1 January 1980, the first day of the format, so that equal data gives equal
    // files.
    return zip_set_file_compression(zip, index, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(zip, index, 0, 0x21, 0) == 0 &&
           zip_file_extra_field_set(zip, index, FIELD_ID, ZIP_EXTRA_FIELD_NEW, zeros,
                                    padding, ZIP_FL_LOCAL) == 0;
}

bool archive_write(const char *path, const struct archive_part *parts, size_t count,
                   const void *(*bytes)(void *user, size_t part), void *user)
{
    struct writing w = { .parts = parts, .bytes = bytes, .user = user };
    struct part_source *sources = mem_array(count, sizeof(*sources));
    zip_source_t *target = NULL;
    zip_t *zip = NULL;
    zip_error_t error;
    uint64_t offset = 0;
    bool ok = false;
    zip_error_init(&w.error);
    zip_error_init(&error);
    w.reported = !sources || !file_writer_begin(&w.file, path, true);
    if (!w.reported)
        target = zip_source_function_create(sink, &w, &error);
    if (target)
        zip = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, &error);
    if (zip) {
        target = NULL;    // the archive owns it
        ok = true;
        for (size_t i = 0; ok && i < count; i++) {
            sources[i] = (struct part_source){ .writing = &w, .index = i };
            ok = add_record(zip, &sources[i], &offset);
        }
        ok = ok && zip_close(zip) == 0;
        if (!ok && !w.reported)
            log_error("archive: cannot write %s: %s", path, zip_strerror(zip));
        if (!ok)
            zip_discard(zip);
    } else if (!w.reported) {
        log_error("archive: cannot write %s: %s", path, zip_error_strerror(&error));
    }
    if (target)
        zip_source_free(target);
    zip_error_fini(&w.error);
    zip_error_fini(&error);
    mem_free(sources);
    if (ok)
        return file_writer_commit(&w.file);
    file_writer_abort(&w.file);
    return false;
}
