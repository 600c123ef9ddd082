/// What a recipe's programs run on.
public enum ComputeDevice: Hashable, Sendable, CustomStringConvertible {
  /// This machine's processors, by kernels of our own and oneDNN's.
  case cpu
  /// The same, by XLA's compiler.
  case xlaCPU
  /// One of NVIDIA's GPUs, counted from 0.
  case cuda(Int)

  /// `cpu`, `xla-cpu`, `cuda`, `cuda:1`
  public init?(_ text: String) {
    switch text {
    case "cpu": self = .cpu
    case "xla-cpu": self = .xlaCPU
    case "cuda": self = .cuda(0)
    default:
      guard text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), "cuda:\(index)" == text,
        (0..<1024).contains(index)
      else { return nil }
      self = .cuda(index)
    }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .xlaCPU: "xla-cpu"
    case .cuda(let index): index == 0 ? "cuda" : "cuda:\(index)"
    }
  }
}

extension RecipeForm {
  static var device: RecipeForm<ComputeDevice> {
    RecipeForm<ComputeDevice>(
      type: "cpu, xla-cpu, cuda or cuda:N", range: "",
      expected: "cpu, xla-cpu, cuda or cuda:N for the N-th of several GPUs, counted from 0",
      read: { $0.text.flatMap { ComputeDevice($0) } }, write: { .text($0.description) })
  }
}
