import Manipulation
import TensorCPU
import TensorRuntime

/// Which executor a command runs on: the one place that knows what there is.
enum ExecutorChoice {
  /// For commands that compute nothing by a recipe's wishes.
  static func standard() -> any Executor { CPUExecutor() }

  /// The executor of a recipe's `compute` section.
  static func executor(for compute: ComputeSection) -> any Executor {
    CPUExecutor(kernels: CPUKernelOptions(library: compute.kernels == .own ? .own : .onednn))
  }
}
