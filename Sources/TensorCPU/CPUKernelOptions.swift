/// How the kernels of this backend are chosen, beside a program's policy.
public struct CPUKernelOptions: Hashable, Sendable {
  /// Whose convolutions are used.
  public enum Library: String, CaseIterable, Codable, Sendable {
    /// Those of this module where they are faster: 3×3 convolutions and their gradients by Winograd's
    /// F(4×4, 3×3), a quarter of the multiplications; 1×1 convolutions by his inner product, 11 for 16,
    /// beside additions. A relative rounding error of about 1e-6 to 1e-5 instead of 1e-7 to 1e-6.
    case own
    /// oneDNN's direct ones everywhere.
    case onednn
  }

  public var library: Library
  /// Keep activations between convolutions in blocks of 16 channels, as wide as an AVX-512 register,
  /// where the processor has those.
  public var blocksChannels: Bool
  /// The instructions that kernels use.
  public var instructionSet: InstructionSet

  /// - Parameters:
  ///   - library: whose convolutions are used.
  ///   - blocksChannels: where our own convolutions run, if `nil`.
  ///   - instructionSet: the instructions that kernels use.
  public init(
    library: Library = .own, blocksChannels: Bool? = nil,
    instructionSet: InstructionSet = .current
  ) {
    (self.library, self.instructionSet) = (library, instructionSet)
    self.blocksChannels = blocksChannels ?? instructionSet.hasOwnConvolutions
  }
}
