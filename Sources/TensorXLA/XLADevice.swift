/// A device that a plugin computes on.
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
  /// Which of several.
  public let index: Int

  public init(_ kind: Kind, index: Int = 0) { (self.kind, self.index) = (kind, index) }

  public var description: String { index == 0 ? kind.rawValue : "\(kind.rawValue):\(index)" }
}
