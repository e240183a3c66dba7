// SPDX-License-Identifier: MIT
//
// Preloaded by the sanitizer leg of tools/test.sh: libraries are never unloaded, so
// that the leak checker can still name the driver that a leak belongs to, and lsan.supp
// beside this file can tell the driver's leaks from ours.

int dlclose(void *handle);

int dlclose(void *handle)
{
    (void)handle;
    return 0;
}
