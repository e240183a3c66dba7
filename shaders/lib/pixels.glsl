// SPDX-License-Identifier: MIT
//
// A sample of a staged image as a float, in [-1, 1] unless it is a float without a
// range. The includer declares `kind`, `is_ranged`, the params `p` and the buffer
// `pixels`. See shared/pixels.h.

const uint in_word = 4 >> kind;    // samples in a word
const uint bits = 8 << kind;
const uint most = kind == PIXELS_U16 ? 65535 : 255;

float unpacked(uint n, uint c, uint row, uint column)
{
    uint place = (c * p.side_h + row) * p.side_w + column;
    uint word = pixels[n * p.sample_words + p.first_word + place / in_word];
    float value = kind == PIXELS_F32
                      ? uintBitsToFloat(word)
                      : float(word >> (place % in_word * bits) & most);
    if (is_ranged != 0)
        value = (clamp((value - p.low) / p.width, 0.0, 1.0) - 0.5) * 2.0;
    else if (kind != PIXELS_F32)
        value = ((kind == PIXELS_U16 ? value / 65535.0 : value / 255.0) - 0.5) * 2.0;
    return value;
}
