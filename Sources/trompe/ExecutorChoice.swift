import Manipulation
import TensorCPU
import TensorRuntime
import TensorXLA

/// Which executor a command runs on: the one place that knows what there is.
enum ExecutorChoice {
  /// For commands that compute nothing by a recipe's wishes.
  static func standard() -> any Executor { CPUExecutor() }

  /// The executor of a recipe's `compute` section.
  /// - Throws: `ExecutionError` in one sentence where the device or its plugin is missing.
  static func executor(for compute: ComputeSection) throws -> any Executor {
    switch compute.device ?? .cpu {
    case .cpu:
      CPUExecutor(kernels: CPUKernelOptions(library: compute.kernels == .own ? .own : .onednn))
    case .xlaCPU: try XLAExecutor(XLADevice(.cpu), plugin: compute.plugin)
    case .cuda(let index): try XLAExecutor(XLADevice(.cuda, index: index), plugin: compute.plugin)
    }
  }
}
