// SPDX-License-Identifier: MIT
//
// Pipelines from embedded shaders. See kernel.h.

#include "gpu/kernel.h"

#include "base/mem.h"
#include "base/os.h"
#include "base/parallel.h"
#include "gpu/cache.h"
#include "gpu/inside.h"
#include "gpu/literal.h"
#include "gpu/result.h"

#include <assert.h>
#include <string.h>

#define MAX_BUFFERS SHADER_STEP_BINDING

// More would compile faster on some machines, but each thread takes the memory of a
// compiler.
#define MAX_THREADS 16

// A kernel to create, and the result. Threads log nothing: they have no sink, and their
// caller reports one failure instead of many.
struct job {
    struct gpu_kernel *kernel;
    const char *call;    // source text of the call that failed, or NULL
    VkResult result;
};

struct batch {
    struct gpu_device *device;
    struct job *jobs;
    size_t count;
};

// Every Vulkan call of a job: a failure is noted and goes to `fail`.
#define JOB_TRY(job, expression)                                                       \
    do {                                                                               \
        (job)->result = (expression);                                                  \
        if ((job)->result != VK_SUCCESS) {                                             \
            (job)->call = #expression;                                                 \
            goto fail;                                                                 \
        }                                                                              \
    } while (0)

// Field by field: memcmp would compare padding, and constants beyond spec_count.
static bool key_equal(const struct gpu_kernel_key *a, const struct gpu_kernel_key *b)
{
    return a->shader == b->shader && a->spec_count == b->spec_count &&
           a->formats == b->formats && a->buffers == b->buffers &&
           a->fetched == b->fetched && a->subgroup == b->subgroup &&
           a->uses_step == b->uses_step && a->params_size == b->params_size &&
           memcmp(a->spec, b->spec, a->spec_count * sizeof(a->spec[0])) == 0;
}

// Set 0 with the tensors at bindings 0 .. buffers - 1 and the step block at 4, and the
// params as push constants: at most 128 bytes (CALL_MAX_PARAMS), which Vulkan
// guarantees.
static bool create_layout(struct gpu_device *device, struct job *job)
{
    struct gpu_kernel *kernel = job->kernel;
    VkDescriptorSetLayoutBinding bindings[MAX_BUFFERS + 1];
    uint32_t count = 0;
    for (; count < kernel->key.buffers; count++)
        bindings[count] = (VkDescriptorSetLayoutBinding){
            .binding = count,
            .descriptorType = kernel->key.fetched & (1u << count)
                                  ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                  : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    if (kernel->key.uses_step)
        bindings[count++] = (VkDescriptorSetLayoutBinding){
            .binding = SHADER_STEP_BINDING,
            .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo set_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = count,
        .pBindings = bindings,
    };
    JOB_TRY(job, device->vk.vkCreateDescriptorSetLayout(device->handle, &set_info, NULL,
                                                        &kernel->set_layout));
    const VkPushConstantRange range = {
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        .size = kernel->key.params_size,
    };
    const VkPipelineLayoutCreateInfo layout_info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &kernel->set_layout,
        .pushConstantRangeCount = range.size ? 1 : 0,
        .pPushConstantRanges = &range,
    };
    JOB_TRY(job, device->vk.vkCreatePipelineLayout(device->handle, &layout_info, NULL,
                                                   &kernel->layout));
    return true;

fail:
    return false;
}

// Runs in any thread. All that threads share is the pipeline cache, which the driver
// guards in this call (specification, "Threading Behavior").
static bool create_pipeline(struct gpu_device *device, struct job *job)
{
    struct gpu_kernel *kernel = job->kernel;
    uint32_t *literal = NULL;
    const struct shader_code *code = &shader_table[kernel->key.shader];
    VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = code->size,
        .pCode = code->words,
    };
    if (code->is_matrix && device->limits.matrix.literal) {
        literal = gpu_literal_module(&kernel->key, &module_info.codeSize);
        module_info.pCode = literal;
        JOB_TRY(job, literal ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY);
    }
    JOB_TRY(job, device->vk.vkCreateShaderModule(device->handle, &module_info, NULL,
                                                 &kernel->module));
    // Constant i is spec[i]. The shader may not have all of them.
    VkSpecializationMapEntry entries[SHADER_MAX_SPEC + 1];
    uint32_t spec[SHADER_MAX_SPEC + 1];
    uint32_t count = kernel->key.spec_count;
    for (uint32_t i = 0; i <= count; i++) {
        entries[i] = (VkSpecializationMapEntry){
            .constantID = i < count ? i : SHADER_SPEC_FORMATS,
            .offset = i * (uint32_t)sizeof(uint32_t),
            .size = sizeof(uint32_t),
        };
        spec[i] = i < count ? kernel->key.spec[i] : kernel->key.formats;
    }
    // Kernels of floats do not have the last one.
    count += kernel->key.formats ? 1 : 0;
    const VkSpecializationInfo specialization = {
        .mapEntryCount = count,
        .pMapEntries = entries,
        .dataSize = count * sizeof(uint32_t),
        .pData = spec,
    };
    // Statistics are for reports only: keeping them costs memory in the driver.
    const VkPipelineCreateFlags capture =
        device->statistics
            ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
                  VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR
            : 0;
    // A kernel that shuffles was specialised for this size and needs full subgroups. A
    // device with one size only may know no demand.
    const bool demands = kernel->key.subgroup &&
                         !(code->is_matrix && device->limits.matrix.is_only_size);
    const VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT subgroup = {
        .sType =
            VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
        .requiredSubgroupSize = kernel->key.subgroup,
    };
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        // A long dispatch is split by its grid, which vkCmdDispatchBase needs this for.
        .flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT | capture,
        .stage = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .pNext = demands ? &subgroup : NULL,
            .flags = kernel->key.subgroup
                         ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT
                         : 0,
            .stage = VK_SHADER_STAGE_COMPUTE_BIT,
            .module = kernel->module,
            .pName = "main",
            .pSpecializationInfo = &specialization,
        },
        .layout = kernel->layout,
    };
    JOB_TRY(job,
            device->vk.vkCreateComputePipelines(device->handle, device->cache.handle, 1,
                                                &info, NULL, &kernel->pipeline));
    mem_free(literal);
    return true;

fail:
    mem_free(literal);
    return false;
}

// Also of a kernel that was made in part: destroying VK_NULL_HANDLE does nothing.
static void destroy(struct gpu_device *device, struct gpu_kernel *kernel)
{
    if (!kernel)
        return;
    device->vk.vkDestroyPipeline(device->handle, kernel->pipeline, NULL);
    device->vk.vkDestroyPipelineLayout(device->handle, kernel->layout, NULL);
    device->vk.vkDestroyDescriptorSetLayout(device->handle, kernel->set_layout, NULL);
    device->vk.vkDestroyShaderModule(device->handle, kernel->module, NULL);
    mem_free(kernel);
}

// ---------------------------------------------------------------------------
// Many at once

static void run_job(void *user, size_t i)
{
    struct batch *batch = user;
    if (create_layout(batch->device, &batch->jobs[i]))
        create_pipeline(batch->device, &batch->jobs[i]);
}

// A step has some tens of kernels, and looks each up once: a list is enough.
static struct gpu_kernel *find(const struct gpu_device *device,
                               const struct gpu_kernel_key *key)
{
    for (size_t i = 0; i < device->kernel_count; i++)
        if (key_equal(&device->kernels[i]->key, key))
            return device->kernels[i];
    return NULL;
}

// Adds a job for each key that has neither a kernel nor a job yet.
static bool add_jobs(struct batch *batch, const struct gpu_kernel_key *keys,
                     size_t count)
{
    size_t capacity = 0;
    for (size_t i = 0; i < count; i++) {
        const struct gpu_kernel_key *key = &keys[i];
        size_t k = 0;
        assert(key->buffers <= MAX_BUFFERS && key->spec_count <= SHADER_MAX_SPEC);
        if (find(batch->device, key))
            continue;
        while (k < batch->count && !key_equal(&batch->jobs[k].kernel->key, key))
            k++;
        if (k < batch->count)
            continue;
        struct gpu_kernel *kernel = mem_zalloc(sizeof(*kernel));
        if (!kernel || !mem_grow(&batch->jobs, &capacity, batch->count + 1,
                                 sizeof(batch->jobs[0]))) {
            mem_free(kernel);
            return false;
        }
        kernel->key = *key;
        kernel->name = shader_table[key->shader].name;
        batch->jobs[batch->count++] = (struct job){ .kernel = kernel };
    }
    return true;
}

// Creates the kernels of a batch and adds those that succeeded to the device, in the
// order of the jobs, whatever the order in which threads finished. Reports the first
// that failed.
static bool finish_batch(struct batch *batch)
{
    struct gpu_device *device = batch->device;
    const struct job *failed = NULL;
    gpu_cache_open(device);
    double start = os_seconds();
    uint32_t threads = parallel_run(batch->count, MAX_THREADS, run_job, batch);
    double seconds = os_seconds() - start;
    device->cache.seconds += seconds;
    log_debug("kernel: created %zu in %.0f ms with %u threads, %zu KiB cached",
              batch->count, 1e3 * seconds, threads, device->cache.loaded >> 10);
    for (size_t i = 0; i < batch->count; i++) {
        struct job *job = &batch->jobs[i];
        if (job->call) {
            failed = failed ? failed : job;
            continue;
        }
        device->kernels[device->kernel_count++] = job->kernel;
        job->kernel = NULL;
    }
    // Also after a failure: the others may have been compiled for the first time.
    device->cache.has_grown = true;
    if (!failed)
        return true;
    gpu_result_report(device, failed->call, failed->result);
    if (!device->lost)
        log_error("kernel: the driver of %s cannot compile %s", device->info.name,
                  failed->kernel->name);
    return false;
}

bool gpu_kernel_get_all(struct gpu_device *device, const struct gpu_kernel_key *keys,
                        size_t count, struct gpu_kernel **kernels)
{
    struct batch batch = { .device = device };
    // Room for all kernels before any is made, so that finish_batch cannot lose one.
    bool ok = add_jobs(&batch, keys, count) &&
              mem_grow(&device->kernels, &device->kernel_capacity,
                       device->kernel_count + batch.count, sizeof(device->kernels[0]));
    if (ok && batch.count) {
        ok = finish_batch(&batch);
        if (ok)
            gpu_cache_save(device, false);
    }
    for (size_t i = 0; i < batch.count; i++)
        destroy(device, batch.jobs[i].kernel);
    mem_free(batch.jobs);
    for (size_t i = 0; ok && i < count; i++)
        kernels[i] = find(device, &keys[i]);
    return ok;
}

struct gpu_kernel *gpu_kernel_get(struct gpu_device *device,
                                  const struct gpu_kernel_key *key)
{
    struct gpu_kernel *kernel = find(device, key);
    return kernel || gpu_kernel_get_all(device, key, 1, &kernel) ? kernel : NULL;
}

void gpu_kernel_destroy_all(struct gpu_device *device)
{
    for (size_t i = 0; i < device->kernel_count; i++)
        destroy(device, device->kernels[i]);
    mem_free(device->kernels);
    device->kernels = NULL;
    device->kernel_count = device->kernel_capacity = 0;
}
