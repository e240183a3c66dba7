// SPDX-License-Identifier: MIT
//
// See onnx_runtimes.h.

#include "support/onnx_runtimes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/mem.h"

// Libraries that the tests are run with are not meant for other programs.
#define CLEAN "env -u LD_PRELOAD "

#define OLD_OPENCV 46    // an exit code

static bool find_onnxruntime(struct onnx_runtime *r)
{
    const char *folder = getenv("PIX_TEST_ONNXRUNTIME");
    if (!folder || !folder[0])
        return false;
    *r = (struct onnx_runtime){ .name = "ONNX Runtime" };
    snprintf(r->command, sizeof(r->command), CLEAN "node '%s/onnx_run.mjs' '%s'",
             TEST_SUPPORT, folder);
    return true;
}

static bool has_opencv(struct onnx_runtime *r, const char *name, const char *python)
{
    *r = (struct onnx_runtime){ .name = name, .needs_fixed = true };
    snprintf(r->command, sizeof(r->command),
             CLEAN "'%s' -c 'import cv2, sys\n"
                   "version = cv2.__version__.split(\".\")\n"
                   "sys.exit(0 if [int(v) for v in version[:2]] >= [4, 7] else %d)' "
                   ">/dev/null 2>&1",
             python, OLD_OPENCV);
    const int status = system(r->command);
    r->needs_one = WIFEXITED(status) && WEXITSTATUS(status) == OLD_OPENCV;
    if (status != 0 && !r->needs_one)
        return false;
    snprintf(r->command, sizeof(r->command), CLEAN "'%s' '%s/onnx_run.py'", python,
             TEST_SUPPORT);
    return true;
}

size_t onnx_runtimes_find(struct onnx_runtime all[ONNX_RUNTIMES_MAX])
{
    const char *python = getenv("PIX_TEST_OPENCV_PYTHON");
    size_t count = 0;
    count += find_onnxruntime(&all[count]);
    count += has_opencv(&all[count], "OpenCV", "python3") ||
             has_opencv(&all[count], "OpenCV", "/usr/bin/python3");
    if (python && python[0])
        count += has_opencv(&all[count], "OpenCV of PIX_TEST_OPENCV_PYTHON", python);
    return count;
}

static void write_jobs(const char *path, const struct onnx_job *jobs, size_t count)
{
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    for (size_t i = 0; i < count; i++) {
        const struct shape s = jobs[i].from;
        fprintf(stream, "%s %s %s %u %u %u %u\n", jobs[i].model, jobs[i].in,
                jobs[i].out, s.n, s.c, s.h, s.w);
    }
    assert_int_equal(fclose(stream), 0);
}

// One line for each job: the sides of its output, or what went wrong.
static void check_answers(const struct onnx_runtime *r, char *answers,
                          const struct onnx_job *jobs, size_t count)
{
    char *rest = answers;
    for (size_t i = 0; i < count; i++) {
        char sides[SHAPE_TEXT_SIZE];
        shape_text(jobs[i].to, sides);
        const size_t length = strcspn(rest, "\n");
        if (length != strlen(sides) || memcmp(rest, sides, length) != 0)
            fail_msg("%s, %s: \"%.*s\" instead of %s", r->name, jobs[i].model,
                     (int)length, rest, sides);
        rest += length + (rest[length] == '\n');
    }
}

void onnx_runtime_run(const struct onnx_runtime *runtime, const char *folder,
                      const struct onnx_job *jobs, size_t count)
{
    char list[256], answers[256], errors[256], command[2048];
    void *text, *said;
    size_t size;
    snprintf(list, sizeof(list), "%s/jobs", folder);
    snprintf(answers, sizeof(answers), "%s/answers", folder);
    snprintf(errors, sizeof(errors), "%s/errors", folder);
    write_jobs(list, jobs, count);
    snprintf(command, sizeof(command), "%s '%s' >'%s' 2>'%s'", runtime->command, list,
             answers, errors);
    const int status = system(command);
    assert_true(file_read(answers, &text, &size));
    assert_true(file_read(errors, &said, &size));
    if (status != 0)
        fail_msg("%s failed:\n%s%s", runtime->name, (char *)text, (char *)said);
    check_answers(runtime, text, jobs, count);
    mem_free(text);
    mem_free(said);
    remove(list);
    remove(answers);
    remove(errors);
}

float *onnx_job_output(const struct onnx_job *job)
{
    void *data;
    size_t size;
    assert_true(file_read(job->out, &data, &size));
    assert_int_equal(size, shape_count(job->to) * sizeof(float));
    return data;
}
