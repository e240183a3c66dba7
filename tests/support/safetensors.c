// SPDX-License-Identifier: MIT
//
// See safetensors.h.

#include "support/safetensors.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "support/check.h"

void safetensors_open(struct safetensors *s, const char *path)
{
    void *data;
    uint64_t length;
    *s = (struct safetensors){ 0 };
    assert_true(file_read(path, &data, &s->size));
    s->data = data;
    assert_true(s->size > sizeof(length));
    memcpy(&length, s->data, sizeof(length));
    assert_true(length < s->size);
    s->start = sizeof(length) + (size_t)length;
    s->header =
        json_parse((const char *)s->data + sizeof(length), (size_t)length, path);
    assert_non_null(s->header);
}

void safetensors_close(struct safetensors *s)
{
    json_destroy(s->header);
    mem_free(s->data);
}

const float *safetensors_floats(const struct safetensors *s, const char *network,
                                const char *name, size_t count)
{
    char key[256];
    uint64_t begin, end;
    snprintf(key, sizeof(key), "%s.%s", network, name);
    struct json offsets = json_get(json_get(json_root(s->header), key), "data_offsets");
    if (!json_is_present(offsets))
        fail_msg("the golden file has no tensor %s", key);
    assert_true(json_to_u64(json_element(offsets, 0), &begin));
    assert_true(json_to_u64(json_element(offsets, 1), &end));
    assert_int_equal(end - begin, count * sizeof(float));
    assert_true(s->start + end <= s->size);
    return (const float *)(const void *)(s->data + s->start + begin);
}
