// SPDX-License-Identifier: MIT
//
// pix2pix devices: lists devices, and what the engine uses of them.

#include "options.h"

#include <inttypes.h>
#include <stdio.h>

static bool print_json(const struct pix_device_info *list, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct pix_device_info *d = &list[i];
        json_t *device = json_object();
        output_add_member(&device, "index", output_make_uint(d->index));
        output_add_device(&device, d);
        output_add_member(&device, "default", json_boolean(d->is_default));
        output_add_member(&device, "usable", json_boolean(d->usable));
        output_add_member(&device, "reason",
                          output_make_text(d->usable ? NULL : d->reason));
        output_append(&array, device);
    }
    return output_print_json(array);
}

static void print_lines(const struct pix_device_info *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct pix_device_info *d = &list[i];
        char text[64], memory[32], binding[32], allocation[32], shared[32];
        output_print(stdout, "%" PRIu32 "  %s (%s)%s\n", d->index, d->name,
                     output_get_device_type(d->type),
                     d->is_default ? ", the default" : "");
        output_print(stdout, "   driver %s %s, Vulkan %s, memory %s\n",
                     *d->driver ? d->driver : "?", d->driver_version,
                     output_format_api_version(d, text),
                     output_format_bytes(d->memory_bytes, memory));
        if (!d->usable) {
            output_print(stdout, "   not usable: %s\n", d->reason);
            continue;
        }
        output_print(stdout, "   uses bindings up to %s, allocations up to %s,\n",
                     output_format_bytes(d->max_binding_bytes, binding),
                     output_format_bytes(d->max_allocation_bytes, allocation));
        output_print(stdout,
                     "   workgroups up to %" PRIu32
                     " with %s shared, subgroups of %" PRIu32 "%s\n",
                     d->max_workgroup_invocations,
                     output_format_bytes(d->shared_memory_bytes, shared),
                     d->subgroup_size, d->has_timestamps ? ", timestamps" : "");
    }
}

int command_devices(int argc, char **argv)
{
    bool json = false, verbose = false;
    const struct argument arguments[] = {
        { "json", ARGUMENT_FLAG, &json, NULL, "print one JSON array on stdout" },
        { "verbose", ARGUMENT_FLAG, &verbose, NULL, "print debug messages" },
    };
    const struct command command = {
        .name = "devices",
        .usages = { "devices [--json]" },
        .purpose = "Lists the Vulkan devices and the limits that the engine works "
                   "within.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
    };
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;

    const struct pix_log log = output_get_log(verbose);
    struct pix_device_info *list = NULL;
    uint32_t count = 0;
    if (!pix_device_list(&log, &list, &count))
        return EXIT_FAILED;
    bool ok = true;
    if (json)
        ok = print_json(list, count);
    else if (count == 0)
        output_print_note("no Vulkan device was found");
    else
        print_lines(list, count);
    pix_device_list_free(list);
    return ok ? EXIT_DONE : EXIT_FAILED;
}
