/// Trompe as a library: all that a program needs to load networks, explain images, and run recipes on
/// this machine's processor.
@_exported import Checkpoints
@_exported import Explanations
@_exported import ImageData
@_exported import Manipulation
@_exported import Networks
@_exported import Pictures
@_exported import Similarity
@_exported import TensorRuntime

// The executor and what it can be told, and nothing else of how it computes.
@_exported import struct TensorCPU.CPUExecutor
@_exported import struct TensorCPU.CPUKernelOptions
