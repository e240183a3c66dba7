// SPDX-License-Identifier: MIT
//
// pix2pix devices: what is there, and what the engine will use of it.

#include "options.h"

#include <inttypes.h>
#include <stdio.h>

static const char *api_version(const struct pix_device_info *d, char *text)
{
    snprintf(text, 64, "%" PRIu32 ".%" PRIu32 ".%" PRIu32, d->api_version[0],
             d->api_version[1], d->api_version[2]);
    return text;
}

static bool print_json(const struct pix_device_info *list, uint32_t count)
{
    char version[64];
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct pix_device_info *d = &list[i];
        json_t *device = json_object();
        output_add(&device, "index", output_uint(d->index));
        output_add(&device, "name", output_text(d->name));
        output_add(&device, "type", output_text(output_get_device_type(d->type)));
        output_add(&device, "vendor_id", output_uint(d->vendor_id));
        output_add(&device, "device_id", output_uint(d->device_id));
        output_add(&device, "driver", output_text(d->driver));
        output_add(&device, "driver_version", output_text(d->driver_version));
        output_add(&device, "api_version", output_text(api_version(d, version)));
        output_add(&device, "memory_bytes", output_uint(d->memory_bytes));
        output_add(&device, "default", json_boolean(d->is_default));
        output_add(&device, "usable", json_boolean(d->usable));
        output_add(&device, "reason", output_text(d->usable ? NULL : d->reason));
        if (json_array_append_new(array, device) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return output_json(array);
}

static void print_lines(const struct pix_device_info *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct pix_device_info *d = &list[i];
        char text[64], memory[32], binding[32], allocation[32], shared[32];
        printf("%" PRIu32 "  %s (%s)%s\n", d->index, d->name,
               output_get_device_type(d->type), d->is_default ? ", the default" : "");
        printf("   driver %s %s, Vulkan %s, memory %s\n", *d->driver ? d->driver : "?",
               d->driver_version, api_version(d, text),
               output_bytes(d->memory_bytes, memory));
        if (!d->usable) {
            printf("   not usable: %s\n", d->reason);
            continue;
        }
        printf("   uses bindings up to %s, allocations up to %s,\n",
               output_bytes(d->max_binding_bytes, binding),
               output_bytes(d->max_allocation_bytes, allocation));
        printf("   workgroups up to %" PRIu32 " with %s shared, subgroups of %" PRIu32
               "%s\n",
               d->max_workgroup_invocations,
               output_bytes(d->shared_memory_bytes, shared), d->subgroup_size,
               d->has_timestamps ? ", timestamps" : "");
    }
}

int command_devices(int argc, char **argv)
{
    bool json = false, verbose = false;
    const struct argument arguments[] = {
        { "json", ARGUMENT_FLAG, &json, NULL, "one JSON array on stdout", NULL },
        { "verbose", ARGUMENT_FLAG, &verbose, NULL, "print what the loader was asked",
          NULL },
    };
    const struct command command = {
        .name = "devices",
        .usage = "devices [--json]",
        .purpose =
            "Lists the Vulkan devices, and what the engine will use of them.\n\n",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
    };
    int code;
    if (!options_parse(&command, argc, argv, NULL, &code))
        return code;

    const struct pix_log log = output_log(verbose);
    struct pix_device_info *list = NULL;
    uint32_t count = 0;
    if (!pix_device_list(&log, &list, &count))
        return EXIT_FAILED;
    bool ok = true;
    if (json)
        ok = print_json(list, count);
    else if (count == 0)
        output_note("no Vulkan device was found");
    else
        print_lines(list, count);
    pix_device_list_free(list);
    return ok ? EXIT_DONE : EXIT_FAILED;
}
