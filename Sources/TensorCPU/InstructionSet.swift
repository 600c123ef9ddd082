import CTensorKernels

/// The instructions that kernels are compiled for, and how they are used: how they multiply, and
/// how many columns of a product they take at once.
///
/// Results of two of them may differ by their rounding; those that differ in columns alone give the
/// same to the last bit.
public struct InstructionSet: Hashable, Sendable {
  let kernels: Kernels

  /// A table of functions that is never changed.
  struct Kernels: Hashable, @unchecked Sendable {
    let table: OpaquePointer
  }

  /// The fastest here; `TROMPE_MAX_ISA`, `TROMPE_PRODUCTS` and `TROMPE_COLUMN_BLOCKS` of the
  /// environment may name others.
  public static let best = InstructionSet(kernels: Kernels(table: trompe_best_kernels()))

  /// What a program uses that names none: the best, unless a task chooses another.
  @TaskLocal public static var current = InstructionSet.best

  /// All that run on this processor, whether or not they are fast here.
  public static let all: [InstructionSet] = {
    var sets: [InstructionSet] = []
    while let table = trompe_kernels_at(Int32(sets.count)) {
      sets.append(InstructionSet(kernels: Kernels(table: table)))
    }
    return sets
  }()

  public var name: String { String(cString: trompe_kernels_name(kernels.table)) }

  /// Whether vectors are those of AVX-512: 32 of 16 floats.
  public var hasWideVectors: Bool { trompe_has_wide_vectors(kernels.table) != 0 }

  /// Whether convolutions can be kernels of our own, which work on blocks of 16 channels.
  public var hasOwnConvolutions: Bool { trompe_has_own_convolutions(kernels.table) != 0 }

  /// Whether products are made by Winograd's inner product.
  public var hasInnerProduct: Bool { trompe_has_inner_product(kernels.table) != 0 }

  /// Whether convolutions multiply in bfloat16, by this version of oneDNN.
  public var hasBFloat16: Bool { hasWideVectors && CPUExecutor.hasBFloat16 }
}

extension InstructionSet: CustomStringConvertible {
  public var description: String { name }
}
