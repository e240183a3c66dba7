// SPDX-License-Identifier: MIT
//
// Functions that are exact to a few units in the last place wherever exp is. Vulkan
// requires too little of tanh and log (specification, "Precision and Operation of SPIR-V
// Instructions"): tanh may be sinh / cosh, which overflow, and log may be wrong by 2^-21
// near 1, where it is almost 0.

float activation_tanh(float x)
{
    float a = abs(x);
    if (a < 0.25) {
        float s = x * x;    // the series at 0; what is left out is below 1e-8
        return x + x * s * (-1.0 / 3.0 + s * (2.0 / 15.0 +
                            s * (-17.0 / 315.0 + s * (62.0 / 2835.0))));
    }
    float e = exp(-2.0 * a);
    float y = (1.0 - e) / (1.0 + e);
    return x < 0.0 ? -y : y;
}

// 0 for an infinity under slope 0, as PyTorch has it; NaN stays.
float activation_leaky(float x, float slope)
{
    return x > 0.0 ? x : slope == 0.0 && isinf(x) ? 0.0 : slope * x;
}

float activation_sigmoid(float x)
{
    if (isnan(x))
        return x;    // exp(NaN) is a number on some drivers
    float e = exp(-abs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

// log(1 + exp(-|x|)) = 2 artanh(z), z = e / (2 + e) <= 1/3, by its series: what is left
// out is below 1e-8.
float log_one_plus_exp(float x)
{
    float e = exp(-abs(x));
    float z = e / (2.0 + e);
    float s = z * z;
    float sum = 1.0 / 13.0;
    sum = sum * s + 1.0 / 11.0;
    sum = sum * s + 1.0 / 9.0;
    sum = sum * s + 1.0 / 7.0;
    sum = sum * s + 1.0 / 5.0;
    sum = sum * s + 1.0 / 3.0;
    return 2.0 * (z + z * s * sum);
}
