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

  /// `cpu` if `nil`.
  public var device: ComputeDevice?
  /// The library that compiles for the device; one that is installed if `nil`.
  public var plugin: String?
  /// Whether equal runs give equal bytes on one device; they do if `nil`.
  public var isDeterministic: Bool?
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
    memory: Memory = .normal, samplesAtOnce: Int? = nil, device: ComputeDevice? = nil,
    plugin: String? = nil, isDeterministic: Bool? = nil
  ) {
    self.memory = memory
    (self.device, self.plugin, self.isDeterministic) = (device, plugin, isDeterministic)
    (self.threads, self.kernels, self.precision) = (threads, kernels, precision)
    self.samplesAtOnce = samplesAtOnce
  }
}

extension ComputeSection {
  static let schema = RecipeSchema(
    ComputeSection(),
    [
      .automatic(
        "device", \.device, .device, else: "cpu",
        "on what programs run: cpu, this machine's processors by Trompe's own kernels; xla-cpu, the "
          + "same by XLA's compiler; cuda, an NVIDIA GPU; the last two need a plugin (devices.md)"),
      .path(
        "plugin", \.plugin, else: "one that is installed",
        "the library of PJRT that compiles for xla-cpu or cuda"),
      .automatic(
        "deterministic", \.isDeterministic, .truth, else: "true",
        "whether equal runs give equal bytes on one device; false lets a GPU add in any order"),
      .automatic(
        "threads", \.threads, .integer(1...1024), else: "one for each core", "that compute"),
      .defaulted(
        "kernels", \.kernels, .choice(Kernels.self),
        "whose convolutions: own, 3×3 and 1×1 by Winograd's algorithms where those are faster, or "
          + "onednn, oneDNN's direct ones everywhere"),
      .defaulted(
        "precision", \.precision, .choice(ExecutionPolicy.Precision.self),
        "in what training multiplies, and what is kept between convolutions: floats or, where the "
          + "processor has it, bfloat16; tf32 on cuda only; what is reported is always computed in "
          + "floats"),
      .defaulted(
        "memory", \.memory, .choice(Memory.self),
        "low: training computes again what it would keep for long, to need less memory, and takes up "
          + "to half as long again; the results are the same up to rounding"),
      .automatic(
        "samplesAtOnce", \.samplesAtOnce, .integer(1...10_000), else: "chosen, see explanations.md",
        "samples or steps of an explanation in memory at a time; if that is all of them, training "
          + "computes each once, otherwise twice"),
    ],
    check: { value, section in
      func refuse(_ name: String, _ text: String) {
        section.report("compute.\(name) \(text)", at: name)
      }
      let device = value.device ?? .cpu
      if device == .cpu {
        if value.plugin != nil {
          refuse("plugin", "is for the devices xla-cpu and cuda; set compute.device")
        }
      } else {
        if value.kernels != .own {
          refuse("kernels", "is for the device cpu; omit it on \(device), which has its own")
        }
        if value.memory != .normal {
          refuse(
            "memory",
            "is for the device cpu; omit it on \(device), whose compiler plans memory itself")
        }
        if value.threads != nil, case .cuda = device {
          refuse("threads", "is for processors; omit it on \(device)")
        }
      }
      if value.precision == .tensorFloat32 {
        if case .cuda = device { return }
        refuse("precision", "is tf32, which \(device) has not; expected fp32 or bf16")
      }
    })
}
