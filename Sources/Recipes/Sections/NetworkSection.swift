import ImageData
import Networks

/// Which network, from which file.
public struct NetworkSection: Hashable, Sendable {
  /// The file to start from. `trompe train` may omit it and then starts from random weights.
  public var checkpoint: String?
  /// What stands before the names of its arrays in a file of several networks.
  public var group: String?
  /// Which output of a Keras model of several counts, by its layer's name.
  public var output: String?
  /// Needed where the file does not say which network it holds, or there is no file.
  public var architecture: ArchitectureSpecification?
  /// Replaces what the file records; the file's, or none at all with ImageNet's statistics, if omitted.
  public var preprocessing: Preprocessing?
  /// Whether `preprocessing` says how images are normalised, and not their size alone: the file's
  /// normalisation stays where it does not.
  public var saysNormalization: Bool
  /// Whether what `preprocessing` says of that is itself a guess, taken from a file or a recipe that calls it one.
  package var assumesNormalization = false
  /// Replaces the file's class names; else those of the data's folders.
  public var classNames: [String]?

  public init(
    checkpoint: String? = nil, group: String? = nil, output: String? = nil,
    architecture: ArchitectureSpecification? = nil, preprocessing: Preprocessing? = nil,
    saysNormalization: Bool = true, classNames: [String]? = nil
  ) {
    (self.checkpoint, self.group, self.output) = (checkpoint, group, output)
    self.architecture = architecture
    (self.preprocessing, self.classNames) = (preprocessing, classNames)
    self.saysNormalization = preprocessing == nil || saysNormalization
  }
}

extension NetworkSection {
  static let schema = RecipeSchema(
    NetworkSection(), [.inline(\.entries, Entries.schema), .rule(checkFile)],
    check: { value, section in
      if let architecture = value.architecture {
        do { _ = try architecture.architecture() } catch {
          let part = section.section("architecture")
          let isFamily = (try? NetworkFamily.named(architecture.family)) == nil
          section.problems.add(
            "network.architecture: \(error)",
            at: isFamily ? part.origin(of: "family") : part.place)
        }
      }
      if let preprocessing = value.preprocessing {
        section.section("preprocessing").check("mean") { try preprocessing.validate() }
      }
    })

  /// The section, entry by entry: what some of them mean depends on others.
  private var entries: Entries {
    get {
      Entries(
        checkpoint: checkpoint, group: group, output: output,
        architecture: architecture.map(ArchitectureEntries.init),
        preprocessing: preprocessing.map {
          PreprocessingEntries(
            $0, saysNormalization: saysNormalization, isAssumed: assumesNormalization)
        }, classNames: classNames)
    }
    set {
      let family = newValue.architecture?.family
      self = NetworkSection(
        checkpoint: newValue.checkpoint, group: newValue.group, output: newValue.output,
        architecture: newValue.architecture?.specification(newValue.preprocessing),
        preprocessing: newValue.preprocessing?.preprocessing(family: family),
        saysNormalization: newValue.preprocessing?.saysNormalization ?? true,
        classNames: newValue.classNames)
      assumesNormalization = newValue.preprocessing?.isAssumed ?? false
    }
  }

  private struct Entries {
    var checkpoint: String?
    var group: String?
    var output: String?
    var architecture: ArchitectureEntries?
    var preprocessing: PreprocessingEntries?
    var classNames: [String]?

    static let schema = RecipeSchema(
      Entries(),
      [
        .path(
          "checkpoint", \.checkpoint,
          else: "`train`: random weights; `study`: in `study.checkpoints`; otherwise required",
          "file to start from: of PyTorch (.pt, .pth, safetensors), Keras (.keras, HDF5) or ours"),
        .automatic(
          "group", \.group, .text(), else: "all of the file",
          "which of several networks in the file: what its names begin with, e.g. `teacher` or "
            + "`ema_state_dict`"),
        .automatic(
          "output", \.output, .text(), else: "the only one",
          "which of several outputs of a Keras model counts, by its layer's name"),
        .optional("architecture", \.architecture, ArchitectureEntries.schema),
        .optional("preprocessing", \.preprocessing, PreprocessingEntries.schema),
        .automatic(
          "classNames", \.classNames, .classNames,
          else: "the file's, else the data's folders, one for each output",
          "the classes in the order of the network's outputs, by which images' folders are found; "
            + "`imagenet`: the WordNet identifiers of ImageNet's 1,000"),
      ],
      check: { value, section in
        if let names = value.classNames, Set(names).count < names.count {
          section.report("network.classNames has a name twice", at: "classNames")
        }
      })
  }

  /// What the purpose asks of the entry `checkpoint`.
  @Sendable private static func checkFile(_ section: RecipeSection) {
    switch section.kind {
    case .fooling where !section.has("checkpoint"), .attack where !section.has("checkpoint"),
      .influence where !section.has("checkpoint"):
      section.problems.add(
        "network.checkpoint is missing, expected the path of the file to start from",
        at: section.place)
    case .study where section.has("checkpoint"):
      section.report(
        "network.checkpoint is for a single network; a study lists its networks in "
          + "study.checkpoints", at: "checkpoint")
    case .training where !section.has("checkpoint") && !section.has("architecture"):
      section.problems.add(
        "network has neither checkpoint nor architecture; give the file to start from, or an "
          + "architecture to start from random weights", at: section.place)
    default: break
    }
  }
}
