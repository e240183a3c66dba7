// SPDX-License-Identifier: MIT
//
// Kernels for images of a few pixels, where a convolution is hardly more than a matrix
// times a vector and reading its weights is all the work: every weight is fetched once,
// neighbouring invocations fetch neighbouring weights, and the sum is split among the
// invocations of a workgroup, CHANNELS of which have sums of their own. The parts meet
// in shared memory and are added in their order.
//
// The kernel defines before including this:
//     CHANNELS, SUMS            of an invocation
//     void sum_store(uint sum, uint channel, float value)

layout(local_size_x_id = 0) in;

const uint PARTS = gl_WorkGroupSize.x / CHANNELS;
const uint STRIDE = gl_WorkGroupSize.x + 1;    // against bank conflicts
const uint MOST = 2048 / gl_WorkGroupSize.x;
const uint CHUNK = SUMS < MOST ? SUMS : MOST;    // of sums: 10 KiB at most
shared float shares[PARTS == 1 ? 1 : CHUNK * STRIDE];

float sums[SUMS];

uint vector_channel()
{
    return gl_LocalInvocationID.x % CHANNELS;
}

uint vector_part()
{
    return gl_LocalInvocationID.x / CHANNELS;
}

// Registers cannot be indexed, so one is picked by comparing. An unrolled loop over all
// of them at every use would take longer to compile than many runs take.
float sum_at(uint i)
{
    float value = 0.0;
    [[unroll]] for (uint k = 0; k < SUMS; k++)
        value = k == i ? sums[k] : value;
    return value;
}

// Adds up the parts and stores the sums.
void vector_finish()
{
    uint id = gl_LocalInvocationID.x;
    if (PARTS == 1) {
        for (uint i = 0; i < SUMS; i++)
            sum_store(i, id, sum_at(i));
        return;
    }
    for (uint first = 0; first < SUMS; first += CHUNK) {
        for (uint i = 0; i < CHUNK; i++)
            shares[i * STRIDE + id] = sum_at(first + i);
        barrier();
        for (uint k = id; k < CHUNK * CHANNELS; k += gl_WorkGroupSize.x) {
            uint sum = k / CHANNELS, channel = k % CHANNELS;
            float value = 0.0;
            for (uint i = 0; i < PARTS; i++)
                value += shares[sum * STRIDE + i * CHANNELS + channel];
            if (first + sum < SUMS)
                sum_store(first + sum, channel, value);
        }
        barrier();
    }
}
