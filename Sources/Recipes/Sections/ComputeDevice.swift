/// What a recipe's programs run on.
public enum ComputeDevice: Hashable, Sendable, CustomStringConvertible {
  /// This machine's processors, by kernels of our own and oneDNN's.
  case cpu
  /// The same, by XLA's compiler; as several devices, which share the images of every batch.
  case xlaCPU([Int])
  /// NVIDIA's GPUs, counted from 0; several share the images of every batch.
  case cuda([Int])

  /// No machine has more.
  private static let most = 1024

  /// `cpu`, `xla-cpu`, `xla-cpu:0,1`, `cuda`, `cuda:1`, `cuda:0,1`
  public init?(_ text: String) {
    if text == "cpu" {
      self = .cpu
      return
    }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    var indices = [0]
    if parts.count == 2 {
      let numbers = parts[1].split(separator: ",", omittingEmptySubsequences: false)
      indices = numbers.compactMap { Int($0) }
      guard numbers.map(String.init) == indices.map(String.init),
        indices.allSatisfy({ (0..<Self.most).contains($0) }), Set(indices).count == indices.count
      else { return nil }
    }
    switch parts[0] {
    case "xla-cpu": self = .xlaCPU(indices)
    case "cuda": self = .cuda(indices)
    default: return nil
    }
  }

  public var description: String {
    func named(_ kind: String, _ indices: [Int]) -> String {
      indices == [0] ? kind : kind + ":" + indices.map(String.init).joined(separator: ",")
    }
    return switch self {
    case .cpu: "cpu"
    case .xlaCPU(let indices): named("xla-cpu", indices)
    case .cuda(let indices): named("cuda", indices)
    }
  }
}

extension RecipeForm {
  static var device: RecipeForm<ComputeDevice> {
    RecipeForm<ComputeDevice>(
      type: "cpu, xla-cpu, cuda, cuda:N or cuda:N,M", range: "",
      expected:
        "cpu, xla-cpu, cuda, cuda:N for the N-th of several GPUs, counted from 0, or cuda:0,1 "
        + "for two that share each batch",
      read: { $0.text.flatMap { ComputeDevice($0) } }, write: { .text($0.description) })
  }
}
