// SPDX-License-Identifier: MIT
//
// The one translation unit that holds volk, the loader of the Vulkan loader.

#include <volk.c>
