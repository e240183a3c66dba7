// SPDX-License-Identifier: MIT
//
// Runs ONNX models of one input and one output with ONNX Runtime:
//
//     node onnx_run.mjs FOLDER JOBS
//
// FOLDER is that of the npm package onnxruntime-web. Each line of JOBS is
// MODEL IN OUT SIDE...: IN is a file of floats, the sides are those of the input, OUT
// becomes a file of floats. Prints a line for each: the sides of the output.

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, jobs] = process.argv.slice(2);
const module = join(resolve(folder), "dist", "ort.node.min.mjs");
const ort = await import(pathToFileURL(module));
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

for (const line of readFileSync(jobs, "utf8").trim().split("\n")) {
    const [model, from, to, ...sides] = line.split(" ");
    const session = await ort.InferenceSession.create(readFileSync(model), {
        executionProviders: ["wasm"],
    });
    const bytes = new Uint8Array(readFileSync(from));    // a copy, from its beginning
    const values = new Float32Array(bytes.buffer);
    const input = new ort.Tensor("float32", values, sides.map(Number));
    const result = await session.run({ [session.inputNames[0]]: input });
    const output = result[session.outputNames[0]];
    const { buffer, byteOffset, byteLength } = output.data;
    writeFileSync(to, Buffer.from(buffer, byteOffset, byteLength));
    console.log(output.dims.join("x"));
    await session.release();
}
