import Manipulation
import TensorCPU
import TensorRuntime
import TensorXLA

/// Which executor a command runs on: the one place that knows what there is.
enum ExecutorChoice {
  /// For commands that compute nothing by a recipe's wishes.
  static func standard() -> any Executor { CPUExecutor() }

  /// The executor of a recipe's `compute` section.
  /// - Parameter group: the processes that share the work.
  /// - Throws: `ExecutionError` in one sentence where the device or its plugin is missing, or the device is
  ///   none that processes share their work on.
  static func executor(
    for compute: ComputeSection, group: MPIGroup? = nil
  ) throws -> any Executor {
    let device = compute.device ?? .cpu
    if let group, device != .cpu {
      throw ExecutionError(
        "compute.device is \(device), and \(group.count) processes share their work on cpu alone; "
          + "omit it, or start one process")
    }
    return switch device {
    case .cpu:
      CPUExecutor(
        kernels: CPUKernelOptions(library: compute.kernels == .own ? .own : .onednn), group: group)
    case .xlaCPU(let indices):
      try XLAExecutor(XLADevice(.cpu, indices: indices), plugin: compute.plugin)
    case .cuda(let indices):
      try XLAExecutor(XLADevice(.cuda, indices: indices), plugin: compute.plugin)
    }
  }
}
