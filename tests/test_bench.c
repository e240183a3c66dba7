// SPDX-License-Identifier: MIT
//
// The benchmark on a tiny network: which rows there are, that their counters add up to
// the plan of the step, and that times are in order. No time decides anything.

#include "bench/bench.h"

#include "base/log.h"
#include "gpu/device.h"
#include "support/gpu.h"
#include "support/size.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_ROWS 600

struct seen {
    struct pix_bench_row rows[MOST_ROWS];
    char groups[MOST_ROWS][32], names[MOST_ROWS][192], precisions[MOST_ROWS][8];
    size_t count, stop_after;
    uint32_t texts;
};

// The samples are those of which the row has the median and the quartiles.
static void check_times(const struct pix_bench_row *row)
{
    uint32_t below = 0, above = 0;
    for (uint32_t i = 0; i < row->samples; i++) {
        below += row->times[i] < row->median;
        above += row->times[i] > row->median;
    }
    assert_true(2 * below <= row->samples && 2 * above <= row->samples);
}

static bool see(void *user, const struct pix_bench_row *row)
{
    struct seen *s = user;
    assert_true(s->count < MOST_ROWS);
    assert_non_null(row->kernel);
    s->rows[s->count] = *row;
    snprintf(s->groups[s->count], sizeof(s->groups[0]), "%s", row->group);
    snprintf(s->precisions[s->count], sizeof(s->precisions[0]), "%s", row->precision);
    if (row->times)
        check_times(row);
    snprintf(s->names[s->count], sizeof(s->names[0]), "%s", row->name);
    s->count++;
    return s->count != s->stop_after;
}

static void see_text(void *user, const char *text)
{
    assert_true(strlen(text) > 0);
    ((struct seen *)user)->texts++;
}

static bool stop(void *user)
{
    (void)user;
    return true;
}

static const struct pix_bench_case tiny = { 32, 2 };
static struct seen seen;

static struct pix_bench_options options_of_test(void)
{
    struct pix_bench_options o;
    pix_bench_options_init(&o);
    memset(&seen, 0, sizeof(seen));
    o.cases = &tiny;
    o.case_count = 1;
    o.ngf = o.ndf = 4;
    o.seconds = 0;
    o.row = see;
    o.progress = see_text;
    o.user = &seen;
    return o;
}

static size_t count_group(const char *group)
{
    size_t count = 0;
    for (size_t i = 0; i < seen.count; i++)
        count += strcmp(seen.groups[i], group) == 0;
    return count;
}

// Of training or translation, one for each of the simple kernels and the others.
static const struct pix_bench_row *find_whole_in(enum pix_bench_kind kind,
                                                 bool is_simple, const char *precision)
{
    const struct pix_bench_row *found = NULL;
    for (size_t i = 0; i < seen.count; i++)
        if (seen.rows[i].kind == kind && seen.rows[i].is_simple == is_simple &&
            strcmp(seen.precisions[i], precision) == 0) {
            assert_null(found);
            found = &seen.rows[i];
        }
    assert_non_null(found);
    return found;
}

static const struct pix_bench_row *find_whole(enum pix_bench_kind kind, bool is_simple)
{
    return find_whole_in(kind, is_simple, "f32");
}

// The floor is the longest of three, and the share is what it is of the time taken.
static void check_floor(const struct pix_bench_row *row)
{
    const double floors[] = { row->floor_flops, row->floor_bytes, row->floor_launches };
    const double longest = floors[row->bound_by];
    assert_true(row->floor_bytes > 0 && row->floor_launches > 0);
    assert_int_equal(row->floor_flops > 0, row->flops > 0);
    for (size_t i = 0; i < ARRAY_LEN(floors); i++)
        assert_true(floors[i] <= longest);
    assert_true(fabs(row->ceiling_share * row->median - longest) <= 1e-9 * longest);
}

static void check_rows(bool timed)
{
    for (size_t i = 0; i < seen.count; i++) {
        const struct pix_bench_row *row = &seen.rows[i];
        const bool is_ceiling = row->kind == PIX_BENCH_CEILING;
        assert_true(row->count > 0);
        assert_true(strlen(seen.names[i]) > 0);
        assert_int_equal(row->size, is_ceiling ? 0 : tiny.size);
        assert_int_equal(row->batch, is_ceiling ? 0 : tiny.batch);
        assert_true(is_ceiling || row->bytes > 0);
        assert_int_equal(row->samples > 0, timed);
        assert_int_equal(row->clock != PIX_BENCH_NOT_TIMED, timed);
        if (timed) {
            assert_true(row->samples >= 3);
            assert_true(row->median > 0 && row->low <= row->median &&
                        row->median <= row->high);
            if (!is_ceiling)
                check_floor(row);
        }
        // A name says what the row is.
        for (size_t k = 0; k < i; k++)
            if (seen.rows[k].kind == row->kind &&
                seen.rows[k].is_simple == row->is_simple &&
                strcmp(seen.groups[k], seen.groups[i]) == 0 &&
                strcmp(seen.precisions[k], seen.precisions[i]) == 0)
                assert_string_not_equal(seen.names[k], seen.names[i]);
    }
}

// The calls are the step, and the step is what the trainer plans.
static void check_counters(const char *precision)
{
    const struct pix_bench_row *train =
        find_whole_in(PIX_BENCH_TRAIN, false, precision);
    uint64_t calls = 0, flops = 0, bytes = 0;
    for (size_t i = 0; i < seen.count; i++) {
        const struct pix_bench_row *row = &seen.rows[i];
        if (row->kind != PIX_BENCH_CALL || row->is_simple ||
            strcmp(seen.precisions[i], precision) != 0)
            continue;
        calls += row->count;
        flops += row->count * row->flops;
        bytes += row->count * row->bytes;
    }
    assert_int_equal(calls, train->plan.dispatches);
    assert_true(flops == train->flops);
    assert_true(bytes == train->bytes);

    struct pix_train_options o;
    struct pix_plan plan;
    pix_train_options_init(&o);
    o.tuning = "off";
    o.precision = precision;
    o.crop_size = SQUARE(tiny.size);
    o.batch_size = tiny.batch;
    o.ngf = o.ndf = 4;
    assert_true(trainer_plan(test_gpu(), 0.2, &o, &plan));
#define SAME(field) assert_true(plan.field == train->plan.field)
    SAME(device_bytes);
    SAME(state_bytes);
    SAME(arena_bytes);
    SAME(arena_bytes_without_reuse);
    SAME(step_block_bytes);
    SAME(staging_bytes);
    SAME(dispatches);
    SAME(barriers);
    SAME(submissions);
    SAME(flops_per_step);
    SAME(bytes_per_step);
    SAME(weights_g);
    SAME(weights_d);
#undef SAME
    assert_true(train->flops == plan.flops_per_step);
    assert_true(train->bytes == plan.bytes_per_step);
}

static void test_everything(void **state)
{
    static const char *const groups[] = {
        "forward", "input gradient", "weight gradient", "norm", "Adam", "loss"
    };
    (void)state;
    struct pix_bench_options o = options_of_test();
    o.with_simple = true;
    assert_true(bench_run(test_gpu(), 0.2, &o));
    check_rows(true);
    check_counters("f32");
    assert_true(count_group("ceiling") >= 5);
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        assert_true(count_group(groups[i]) > 0);
    assert_true(seen.texts >= seen.count - count_group("ceiling"));

    // The simple convolutions do the same work.
    const struct pix_bench_row *simple = find_whole(PIX_BENCH_TRAIN, true);
    assert_true(simple->flops == find_whole(PIX_BENCH_TRAIN, false)->flops);
    const struct pix_bench_row *translation = find_whole(PIX_BENCH_TRANSLATE, false);
    assert_true(translation->plan.dispatches > 0 && translation->plan.weights_d == 0);
    for (size_t i = 0; i < seen.count; i++)
        if (seen.rows[i].is_simple && seen.rows[i].kind == PIX_BENCH_CALL)
            assert_true(strstr(seen.groups[i], "gradient") ||
                        strcmp(seen.groups[i], "forward") == 0);
}

// A device with 16-bit storage measures both, one without says so and goes on.
static void test_precisions(void **state)
{
    (void)state;
    const bool has = gpu_device_limits(test_gpu())->storage16;
    struct pix_bench_options o = options_of_test();
    const struct log_sink *before = log_use(NULL);
    o.precision = "f16,f32,f32";
    assert_true(bench_run(test_gpu(), 0.2, &o));
    check_rows(true);
    check_counters("f32");
    if (has) {
        check_counters("f16");
        const struct pix_bench_row *half = find_whole_in(PIX_BENCH_TRAIN, false, "f16");
        assert_true(half->bytes < find_whole(PIX_BENCH_TRAIN, false)->bytes);
        find_whole_in(PIX_BENCH_TRANSLATE, false, "f16");
        // The calls have the names of those in f32, but for a few that f32 lacks.
        size_t count = 0, same = 0;
        for (size_t i = 0; i < seen.count; i++) {
            if (seen.rows[i].kind != PIX_BENCH_CALL ||
                strcmp(seen.precisions[i], "f16") != 0)
                continue;
            count++;
            for (size_t k = 0; k < seen.count; k++)
                same += strcmp(seen.precisions[k], "f32") == 0 &&
                        strcmp(seen.names[k], seen.names[i]) == 0 &&
                        strcmp(seen.groups[k], seen.groups[i]) == 0;
        }
        assert_true(count > 30 && 10 * same > 8 * count);
    }
    // What is no list of precisions; what the device has nothing of.
    o = options_of_test();
    o.no_clock = true;
    o.precision = "f32,";
    assert_false(bench_run(test_gpu(), 0.2, &o));
    assert_non_null(strstr(log_last_error(), "not \"f32,\""));
    o.precision = "f32,half";
    assert_false(bench_run(test_gpu(), 0.2, &o));
    o.precision = "bf16";
    assert_int_equal(bench_run(test_gpu(), 0.2, &o), has);
    if (!has)
        assert_non_null(strstr(log_last_error(), "--precision bf16 needs"));
    log_use(before);
}

static void test_counters_alone(void **state)
{
    (void)state;
    struct pix_bench_options o = options_of_test();
    o.no_clock = true;
    assert_true(bench_run(test_gpu(), 0.2, &o));
    check_rows(false);
    check_counters("f32");
    assert_int_equal(count_group("ceiling"), 0);
}

static void test_parts(void **state)
{
    (void)state;
    struct pix_bench_options o = options_of_test();
    const struct pix_bench_case cases[] = { { 32, 1 }, { 64, 1 } };
    o.no_clock = true;
    o.no_calls = o.no_train = true;
    o.cases = cases;
    o.case_count = 2;
    assert_true(bench_run(test_gpu(), 0.2, &o));
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.rows[0].kind, PIX_BENCH_TRANSLATE);
    assert_int_equal(seen.rows[1].size, 64);
    assert_true(seen.rows[1].flops > seen.rows[0].flops);
}

// A case that no device can bind is left out, the others are not.
static void test_too_large(void **state)
{
    (void)state;
    struct pix_bench_options o = options_of_test();
    const struct pix_bench_case cases[] = { { 16384, 4096 }, { 32, 1 } };
    const struct log_sink *before = log_use(NULL);
    o.no_clock = o.no_calls = o.no_train = true;
    o.cases = cases;
    o.case_count = 2;
    assert_true(bench_run(test_gpu(), 0.2, &o));
    log_use(before);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.rows[0].size, 32);
}

static void test_refusals(void **state)
{
    (void)state;
    const struct log_sink *before = log_use(NULL);
    struct pix_bench_options o = options_of_test();
    const struct pix_bench_case odd = { 100, 1 };
    o.row = NULL;
    assert_false(bench_run(test_gpu(), 0.2, &o));
    o = options_of_test();
    o.seconds = -1;
    assert_false(bench_run(test_gpu(), 0.2, &o));
    o = options_of_test();
    o.cases = &odd;
    o.no_clock = true;
    assert_false(bench_run(test_gpu(), 0.2, &o));
    assert_non_null(strstr(log_last_error(), "96 or 128"));
    // The caller stops it.
    o = options_of_test();
    o.no_clock = true;
    seen.stop_after = 3;
    assert_false(bench_run(test_gpu(), 0.2, &o));
    assert_int_equal(seen.count, 3);
    // Also between the samples of a row.
    o = options_of_test();
    o.no_calls = true;
    o.stop = stop;
    assert_false(bench_run(test_gpu(), 0.2, &o));
    assert_int_equal(count_group("training"), 0);
    assert_true(seen.count > 0);
    log_use(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),     cmocka_unit_test(test_precisions),
        cmocka_unit_test(test_counters_alone), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_too_large),      cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
