/// A device that a plugin computes on, or several of a kind that share the images of every batch.
public struct XLADevice: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    /// This machine's processors, by XLA's compiler.
    case cpu = "xla-cpu"
    /// NVIDIA's GPUs.
    case cuda

    /// What plugins call their platform.
    var platforms: [String] {
      switch self {
      case .cpu: ["cpu"]
      case .cuda: ["cuda", "gpu"]
      }
    }
  }

  public let kind: Kind
  /// Which of those that the plugin has.
  public let indices: [Int]
  public var count: Int { indices.count }

  /// - Precondition: `indices` are one or more, and differ.
  public init(_ kind: Kind, indices: [Int]) {
    precondition(!indices.isEmpty && Set(indices).count == indices.count, "\(indices)")
    (self.kind, self.indices) = (kind, indices)
  }

  public init(_ kind: Kind, index: Int = 0) { self.init(kind, indices: [index]) }

  public var description: String {
    indices == [0]
      ? kind.rawValue : kind.rawValue + ":" + indices.map(String.init).joined(separator: ",")
  }
}
