// SPDX-License-Identifier: MIT
//
// What the driver's compiler makes of each kernel: registers, spills, shared memory,
// waves, code size, and how much of the hottest loop multiplies. For every kernel of
// the training step and of translation with the default networks at 256 x 256, on the
// default device; nothing is executed. tools/isa_report runs it on devices that are not
// there.
//
//     isa [--f16 | --bf16] [--variant NAME] [--dump FOLDER] [--all]
//
// --f16 and --bf16 take networks in that precision, --variant that kernel for all
// convolutions that it fits. One line a kernel, its fields separated by tabs, the first
// line names them. --dump writes the machine code of each to a file, --all prints every
// number that the driver gives.

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "gpu/device.h"
#include "gpu/kernel.h"
#include "graph/plan.h"
#include "ops/conv_variant.h"
#include "shared/conv.h"
#include "support/statistics.h"
#include "train/objective.h"
#include "translate/translation.h"

#define MAX_KERNELS 256
#define SIDE 256

// A kernel and what it does in a step of both graphs.
struct row {
    struct gpu_kernel *kernel;
    struct call call;    // one of them; its tensors are gone
    uint32_t calls;
    double gflop;
};

static struct row rows[MAX_KERNELS];
static size_t row_count;

// ---------------------------------------------------------------------------
// Machine code

// Instructions of a loop: those of its body, once.
struct loop {
    uint32_t all, vector, fma;
    uint32_t matrix, reads;    // on matrix units; reads of shared memory
};

struct line {
    const char *text, *end;
};

struct listing {
    struct line *lines;
    size_t count, capacity;
};

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool split(const char *text, struct listing *list)
{
    while (*text) {
        const char *end = strchr(text, '\n');
        if (!end)
            end = text + strlen(text);
        while (text < end && isspace((unsigned char)*text))
            text++;
        if (text < end) {
            if (!mem_grow(&list->lines, &list->capacity, list->count + 1,
                          sizeof(list->lines[0])))
                return false;
            list->lines[list->count++] = (struct line){ text, end };
        }
        text = *end ? end + 1 : end;
    }
    return true;
}

// The word that begins at `text`, at the most to the end of the line.
static struct line word_at(const char *text, const struct line *l)
{
    const char *end = text;
    while (end < l->end && (isalnum((unsigned char)*end) || *end == '_' || *end == '.'))
        end++;
    return (struct line){ text, end };
}

static bool is_block(const struct line *l)
{
    return starts(l->text, "block ") || starts(l->text, "block.");
}

// The label of a line, "BB3:" of AMD, "block 2 L7 [1] -> {" of NVK; empty: it has none.
static struct line label_of(const struct line *l)
{
    const struct line none = { l->text, l->text };
    if (is_block(l)) {
        const char *at = l->text;
        while (at + 1 < l->end && !(at[0] == ' ' && at[1] == 'L'))
            at++;
        return at + 1 < l->end ? word_at(at + 1, l) : none;
    }
    const struct line label = word_at(l->text, l);
    return label.end < l->end && *label.end == ':' ? label : none;
}

// Where `text` begins in a line; NULL: nowhere.
static const char *find(const struct line *l, const char *text)
{
    const size_t n = strlen(text);
    for (const char *at = l->text; at + n <= l->end; at++)
        if (memcmp(at, text, n) == 0)
            return at;
    return NULL;
}

// Where a line branches to, "s_cbranch_scc0 BB4", "@!p0 bra pT L4 // delay=1",
// "while(16) JIP:  LABEL7 { align1 1H }" of Intel; empty: nowhere.
static struct line target_of(const struct line *l)
{
    const char *at = l->text;
    if (find(l, "while(") && find(l, "JIP:")) {
        for (at = find(l, "JIP:") + 4; at < l->end && *at == ' ';)
            at++;
        return word_at(at, l);
    }
    bool is_nvk = false;
    for (; !is_nvk && at + 4 < l->end; at++)
        is_nvk = strncmp(at, "bra ", 4) == 0 && (at == l->text || at[-1] == ' ');
    if (is_nvk) {
        while (at + 1 < l->end && !(at[0] == ' ' && at[1] == 'L'))
            at++;
        return word_at(at + 1 < l->end ? at + 1 : l->end, l);
    }
    at = l->text;
    if (!starts(at, "s_branch") && !starts(at, "s_cbranch"))
        return (struct line){ at, at };
    while (at < l->end && !isspace((unsigned char)*at))
        at++;
    while (at < l->end && isspace((unsigned char)*at))
        at++;
    return word_at(at, l);
}

static bool same_line(struct line a, struct line b)
{
    return a.end - a.text == b.end - b.text &&
           memcmp(a.text, b.text, (size_t)(a.end - a.text)) == 0;
}

// Whether a line of NVK's has an operation: behind "r0..4 =" or a predicate.
static bool has_operation(const struct line *l, const char *name)
{
    const size_t n = strlen(name);
    for (const char *p = l->text; p + n <= l->end; p++)
        if ((p == l->text || p[-1] == ' ') && strncmp(p, name, n) == 0)
            return true;
    return false;
}

// AMD's instructions begin with the unit that runs them.
static bool is_instruction(const struct line *l)
{
    static const char *const units[] = { "s_",       "v_",    "ds_",     "buffer_",
                                         "tbuffer_", "flat_", "global_", "scratch_",
                                         "image_",   "lds_",  "exp " };
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (starts(l->text, units[i]))
            return true;
    return false;
}

// Multiplications with addition of one name: two where an instruction makes two.
static uint32_t fma_of(const char *name)
{
    static const char *const names[] = { "fma_f32", "fmac_f32",   "mad_f32",  "mac_f32",
                                         "fmaak_",  "fmamk_",     "madak_",   "madmk_",
                                         "fma_mix", "fma_legacy", "fmac_leg", "mac_leg",
                                         "mad_leg" };
    if (starts(name, "pk_fma"))
        return 2;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (starts(name, names[i]))
            return 1;
    return 0;
}

static void count_instruction(const struct line *l, struct loop *loop)
{
    // NVK's end with what they wait for.
    if (has_operation(l, "// delay")) {
        loop->all++;
        loop->matrix += has_operation(l, "hmma");
        loop->reads += has_operation(l, "ldsm") || has_operation(l, "lds");
        loop->fma += has_operation(l, "ffma");
        return;
    }
    // Intel's say how they address registers; what a message does is a line of its own.
    loop->reads += find(l, "slm MsgDesc: ( load") != NULL;
    if (find(l, "{ align1 ")) {
        loop->all++;
        loop->matrix += starts(l->text, "dpas");
        loop->fma += starts(l->text, "mad(");
        return;
    }
    if (!is_instruction(l))
        return;
    loop->all++;
    loop->reads += starts(l->text, "ds_load") || starts(l->text, "ds_read");
    if (!starts(l->text, "v_"))
        return;
    loop->vector++;
    loop->matrix += starts(l->text, "v_wmma") || starts(l->text, "v_mfma");
    if (!starts(l->text, "v_dual_")) {
        loop->fma += fma_of(l->text + 2);
        return;
    }
    // v_dual_fmac_f32 v0, v1, v2 :: v_dual_fmac_f32 v3, v4, v5
    loop->fma += fma_of(l->text + 7);
    for (const char *p = l->text + 1; p + 7 < l->end; p++)
        if (starts(p, "v_dual_"))
            loop->fma += fma_of(p + 7);
}

// A matrix instruction stands for many multiplications.
static uint32_t work_of(const struct loop *l)
{
    return l->fma + 1000 * l->matrix;
}

// The loop that multiplies most: from a label to the last branch back to it, in the
// order of the text. Of two that multiply as much the shorter one, which is the inner.
static struct loop hottest_loop(const char *assembly)
{
    struct loop best = { 0 };
    struct listing list = { 0 };
    if (!split(assembly, &list))
        goto done;
    for (size_t i = 0; i < list.count; i++) {
        const struct line label = label_of(&list.lines[i]);
        if (label.text == label.end)
            continue;
        size_t last = 0;
        for (size_t k = i; k < list.count; k++)
            if (same_line(target_of(&list.lines[k]), label))
                last = k;
        struct loop loop = { 0 };
        for (size_t k = i + 1; k <= last; k++)
            count_instruction(&list.lines[k], &loop);
        const uint32_t work = work_of(&loop), most = work_of(&best);
        if (work > most || (work == most && loop.all < best.all))
            best = loop;
    }

done:
    mem_free(list.lines);
    return best;
}

// ---------------------------------------------------------------------------
// Kernels of the default networks

static bool add_calls(struct gpu_device *device, const struct graph *g)
{
    for (size_t i = 0; i < graph_call_count(g); i++) {
        const struct call *call = graph_call(g, i);
        struct gpu_kernel_key key = {
            .shader = call->shader,
            .spec_count = call->spec_count,
            .formats = call->formats,
            .subgroup = call->subgroup,
            .uses_step = call->uses_step,
            .params_size = call->params_size,
        };
        memcpy(key.spec, call->spec, sizeof(key.spec));
        while (key.buffers < CALL_MAX_BUFFERS && call->use[key.buffers].tensor)
            key.buffers++;
        struct gpu_kernel *kernel = gpu_kernel_get(device, &key);
        if (!kernel)
            return false;
        size_t k = 0;
        while (k < row_count && rows[k].kernel != kernel)
            k++;
        if (k == MAX_KERNELS) {
            fprintf(stderr, "isa: more than %d kernels\n", MAX_KERNELS);
            return false;
        }
        if (k == row_count)
            rows[row_count++] = (struct row){ .kernel = kernel, .call = *call };
        rows[k].calls++;
        rows[k].gflop += 1e-9 * (double)call->flops;
    }
    return true;
}

static bool collect(struct gpu_device *device, enum tensor_format precision,
                    const struct conv_variant *variant)
{
    struct op_limits limits = plan_op_limits(device);
    limits.force = variant;
    const struct objective_options options = {
        .generator = { 8, 64, 3, 3 },
        .discriminator = { 3, 64 },
        .batch = 1,
        .load_h = SIDE + 30,
        .load_w = SIDE + 30,
        .crop_h = SIDE,
        .crop_w = SIDE,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    struct graph *training = graph_create(&limits), *use = graph_create(&limits);
    struct weights *networks[] = { weights_create(false), weights_create(false),
                                   weights_create(true) };
    struct objective o;
    struct translation t;
    for (size_t i = 0; i < ARRAY_LEN(networks); i++)
        if (networks[i])
            networks[i]->precision = precision;
    bool ok =
        training && use && networks[0] && networks[1] && networks[2] &&
        objective_build(training, networks[0], networks[1], &options, &o) &&
        translation_build(use, networks[2], &options.generator, (struct staging){ 0 },
                          TRANSLATION_STABLE, 1, SIDE, SIDE, &t) &&
        add_calls(device, training) && add_calls(device, use);
    graph_destroy(training);
    graph_destroy(use);
    for (size_t i = 0; i < ARRAY_LEN(networks); i++)
        weights_destroy(networks[i]);
    return ok;
}

// ---------------------------------------------------------------------------
// Report

// Drivers differ in the words for the same thing; those of one column are added.
enum column { REGISTERS, SPILLS, SHARED, WAVES, CODE, COLUMNS };
static const char *const words[COLUMNS][8] = {
    [REGISTERS] = { "VGPRs", "GPRs", "Number of GPRs", "Registers used",
                    "Max live registers" },
    [SPILLS] = { "Spilled VGPRs", "Spilled SGPRs", "Spill count", "Spills", "STP Count",
                 "Spills to memory" },
    [SHARED] = { "LDS size", "Workgroup Memory Size" },
    [WAVES] = { "Subgroups per SIMD", "Max Waves Per Core", "Max warps/SM", "Threads" },
    [CODE] = { "Code size" },
};

static bool same_word(const char *a, const char *b)
{
    while (*a && tolower((unsigned char)*a) == tolower((unsigned char)*b)) {
        a++;
        b++;
    }
    return !*a && !*b;
}

static void print_column(const struct statistics *s, enum column column)
{
    double sum = -1;
    for (uint32_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < ARRAY_LEN(words[column]) && words[column][k]; k++)
            if (same_word(s->values[i].name, words[column][k]))
                sum = (sum < 0 ? 0 : sum) + s->values[i].value;
    if (sum < 0)
        printf("\t-");
    else
        printf("\t%.0f", sum);
}

// Tiled convolutions by their tile, "64x64x16 8x8"; others by all their constants.
static void print_constants(const struct call *call)
{
    const uint32_t *spec = call->spec;
    uint32_t first = 1;
    printf("\t");
    if (strstr(shader_table[call->shader].name, "_tiled") ||
        shader_table[call->shader].is_matrix) {
        printf("%ux%ux%u %ux%u:", spec[CONV_SPEC_TILE_M], spec[CONV_SPEC_TILE_N],
               spec[CONV_SPEC_TILE_K], spec[CONV_SPEC_REG_M], spec[CONV_SPEC_REG_N]);
        for (; first < CONV_SPEC_TILE_M; first++)
            printf(" %u", spec[first]);
        first = CONV_SPEC_DIRECT;
    }
    for (; first < call->spec_count; first++)
        printf(" %u", spec[first]);
}

static bool dump(const char *folder, size_t index, const char *name, const char *text)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%03zu-%s.txt", folder, index, name);
    FILE *file = fopen(path, "wb");
    bool ok = file && fputs(text, file) >= 0;
    if (file && fclose(file) != 0)
        ok = false;
    if (!ok)
        fprintf(stderr, "isa: cannot write %s\n", path);
    return ok;
}

static bool report(struct gpu_device *device, size_t index, const char *folder,
                   bool all)
{
    const struct row *row = &rows[index];
    const char *name = shader_table[row->call.shader].name;
    struct statistics s;
    if (!statistics_read(device, row->kernel, &s))
        return false;
    printf("%s", name);
    print_constants(&row->call);
    printf("\t%u\t%.2f", row->calls, row->gflop);
    for (int column = 0; column < COLUMNS; column++)
        print_column(&s, (enum column)column);
    struct loop loop = { 0 };
    if (s.assembly)
        loop = hottest_loop(s.assembly);
    if (work_of(&loop))
        printf("\t%u\t%u\t%u\t%u\t%u\n", loop.all, loop.vector, loop.fma, loop.matrix,
               loop.reads);
    else
        printf("\t-\t-\t-\t-\t-\n");
    if (all) {
        printf("#");
        for (uint32_t i = 0; i < s.count; i++)
            printf(" %s %.0f%s", s.values[i].name, s.values[i].value,
                   i + 1 < s.count ? "," : "");
        printf(" subgroup %u\n", s.subgroup_size);
    }
    bool ok = !folder || !s.assembly || dump(folder, index, name, s.assembly);
    statistics_finish(&s);
    return ok;
}

static void print_log(void *user, enum log_level level, const char *text)
{
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
    const struct log_sink sink = { .callback = print_log, .level = LOG_ERROR };
    const char *folder = NULL;
    const struct conv_variant *variant = NULL;
    bool all = false;
    enum tensor_format precision = TENSOR_F32;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0) {
            all = true;
        } else if (strcmp(argv[i], "--f16") == 0) {
            precision = TENSOR_F16;
        } else if (strcmp(argv[i], "--bf16") == 0) {
            precision = TENSOR_BF16;
        } else if (strcmp(argv[i], "--variant") == 0 && i + 1 < argc &&
                   conv_variant_find(argv[i + 1])) {
            variant = conv_variant_find(argv[++i]);
        } else if (strcmp(argv[i], "--dump") == 0 && i + 1 < argc) {
            folder = argv[++i];
        } else {
            fprintf(
                stderr,
                "usage: isa [--f16 | --bf16] [--variant NAME] [--dump FOLDER] [--all]\n"
                "NAME is a kernel of engine/ops/conv_variant.c\n");
            return 2;
        }
    }
    log_use(&sink);
    struct gpu_device *device = gpu_device_create(
        &(struct gpu_device_options){ .statistics = true, .no_cache = true });
    if (!device)
        return 1;
    const struct pix_device_info *info = gpu_device_info(device);
    bool ok = statistics_are_kept(device);
    if (!ok)
        fprintf(stderr,
                "isa: the driver of %s reports no statistics of its compiler "
                "(VK_KHR_pipeline_executable_properties)\n",
                info->name);
    ok = ok && collect(device, precision, variant);
    if (ok)
        printf(
            "# %s, %s %s\nkernel\tconstants\tcalls\tgflop\tregisters\tspills\tshared\t"
            "waves\tcode\tloop\tvector\tfma\tmatrix\treads\n",
            info->name, info->driver, info->driver_version);
    for (size_t i = 0; ok && i < row_count; i++)
        ok = report(device, i, folder, all);
    gpu_device_destroy(device);
    return ok ? 0 : 1;
}
