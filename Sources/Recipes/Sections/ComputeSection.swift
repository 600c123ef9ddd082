import TensorRuntime

/// On what the program runs.
public struct ComputeSection: Hashable, Sendable {
  /// Whose convolutions are used.
  public enum Kernels: String, CaseIterable, Hashable, Sendable {
    /// This project's where they are faster, oneDNN's elsewhere.
    case own
    /// oneDNN's everywhere.
    case onednn
  }

  public enum Memory: String, CaseIterable, Hashable, Sendable {
    case normal
    /// Training computes again what it would keep from a forward pass: less memory, more time, the
    /// same results up to rounding.
    case low
  }

  /// Worker threads; one per core if `nil`.
  public var threads: Int?
  public var kernels: Kernels
  /// In what training multiplies; what is reported is always computed in floats.
  public var precision: ExecutionPolicy.Precision
  public var memory: Memory
  /// How many samples of a sampled explanation are in memory at a time; chosen by memory and by
  /// what they share if `nil`.
  public var samplesAtOnce: Int?

  public init(
    threads: Int? = nil, kernels: Kernels = .own, precision: ExecutionPolicy.Precision = .float32,
    memory: Memory = .normal, samplesAtOnce: Int? = nil
  ) {
    self.memory = memory
    (self.threads, self.kernels, self.precision) = (threads, kernels, precision)
    self.samplesAtOnce = samplesAtOnce
  }
}

extension ComputeSection {
  static let schema = RecipeSchema(
    ComputeSection(),
    [
      .automatic(
        "threads", \.threads, .integer(1...1024), else: "one for each core", "that compute"),
      .defaulted(
        "kernels", \.kernels, .choice(Kernels.self),
        "whose convolutions: own, 3×3 and 1×1 by Winograd's algorithms where those are faster, or "
          + "onednn, oneDNN's direct ones everywhere"),
      .defaulted(
        "precision", \.precision, .choice(ExecutionPolicy.Precision.self),
        "in what training multiplies, and what is kept between convolutions: floats or, where the "
          + "processor has it, bfloat16; what is reported is always computed in floats"),
      .defaulted(
        "memory", \.memory, .choice(Memory.self),
        "low: training computes again what it would keep for long, to need less memory, and takes up "
          + "to half as long again; the results are the same up to rounding"),
      .automatic(
        "samplesAtOnce", \.samplesAtOnce, .integer(1...10_000), else: "chosen, see explanations.md",
        "samples or steps of an explanation in memory at a time; if that is all of them, training "
          + "computes each once, otherwise twice"),
    ])
}
