/// What a caller wants of a program, whatever executes it. How one backend's kernels are chosen is
/// said when its executor is made.
public struct ExecutionPolicy: Hashable, Sendable {
  /// In what convolutions multiply, and activations between them are kept.
  public enum Precision: String, CaseIterable, Codable, Sendable {
    case float32 = "fp32"
    /// Floats of which the device looks at 10 bits of mantissa. Sums and all that is kept are floats.
    case tensorFloat32 = "tf32"
    /// The upper half of a float: 8 bits of mantissa, the range of a float. Sums, parameters and
    /// their derivatives stay floats.
    case bfloat16 = "bf16"
  }

  /// Worker threads on the host; results depend on their number in the last digits. The executor
  /// chooses if `nil`.
  public var threads: Int?
  /// An executor that cannot multiply so throws when it compiles.
  public var precision: Precision
  /// Compute every image of a batch as it would be alone, to the last bit: algorithms are chosen
  /// without regard to the number of images. Right for evaluation. Sums over images (gradients with
  /// respect to weights, batch statistics) are not of one image.
  public var isBatchInvariant: Bool
  /// Equal runs give equal bytes on one device. Without it an executor may choose what is faster and
  /// differs in the last digits from run to run; no executor has to.
  public var isDeterministic: Bool
  /// Keep what follows from parameters alone (folded and packed weights) until a parameter changes.
  /// Costs memory; right for evaluation.
  public var keepsParameterWork: Bool
  /// Compute again what would be kept from a forward pass for a backward pass, where that makes the
  /// peak of memory smaller. Results are the same up to rounding.
  public var recomputes: Bool

  public init(
    threads: Int? = nil, precision: Precision = .float32, isBatchInvariant: Bool = false,
    isDeterministic: Bool = true, keepsParameterWork: Bool = false, recomputes: Bool = false
  ) {
    (self.threads, self.precision) = (threads, precision)
    (self.isBatchInvariant, self.keepsParameterWork) = (isBatchInvariant, keepsParameterWork)
    (self.isDeterministic, self.recomputes) = (isDeterministic, recomputes)
  }

  /// The same for a program that runs many times between two changes of its parameters.
  public var keepingParameterWork: ExecutionPolicy {
    var policy = self
    policy.keepsParameterWork = true
    return policy
  }
}
