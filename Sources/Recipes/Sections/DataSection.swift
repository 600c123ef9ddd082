import Foolings
import ImageData

/// Which images.
public struct DataSection: Hashable, Sendable {
  public enum Source: Hashable, Sendable {
    /// Folders with one folder per class, ImageNet's layout.
    case folders(train: String, validation: String)
    /// The built-in synthetic set: this many images of each split, drawn from `seed`.
    case shapes(train: Int, validation: Int, seed: UInt64)
  }
  /// Images that show two classes, for active fooling.
  public enum Composites: Hashable, Sendable {
    /// 2×2 tiles made of each split's own images.
    case tiles(train: Int, validation: Int, seed: UInt64)
    /// Ready-made images, in folders as `folders` has them; what class a folder is named after is
    /// of no consequence.
    case folders(train: String, validation: String)

    /// Heo, Joo, Moon 2019, Section 4.1.
    public static let paper = Composites.tiles(train: 1100, validation: 200, seed: 0)
  }
  public var source: Source
  public var augmentation: Augmentation
  public var composites: Composites
  /// Decoding threads; one per core if `nil`.
  public var threads: Int?

  public init(
    source: Source, augmentation: Augmentation = .none, composites: Composites = .paper,
    threads: Int? = nil
  ) {
    (self.source, self.augmentation) = (source, augmentation)
    (self.composites, self.threads) = (composites, threads)
  }
}

extension DataSection {
  /// Whether training images are others than those that are measured on.
  package var namesTraining: Bool {
    switch source {
    case .folders(let train, let validation): train != validation
    case .shapes: true
    }
  }
}

extension DataSection: CustomStringConvertible {
  /// Where the images come from, for people.
  public var description: String {
    switch source {
    case .folders(let train, let validation): "\(train) and \(validation)"
    case .shapes(_, _, let seed): "the built-in shapes, seed \(seed)"
    }
  }
}

extension DataSection {
  /// The folders' names are "" until they are read.
  static let schema = RecipeSchema(
    DataSection(source: .folders(train: "", validation: "")),
    [.inline(\.entries, Entries.schema), .rule(checkFolders)])

  /// The section, entry by entry.
  private var entries: Entries {
    get {
      var entries = Entries(
        augmentation: augmentation,
        composites: composites == .paper ? nil : CompositeEntries(composites), threads: threads)
      switch source {
      case .folders("", ""): break
      case .folders(let train, let validation):
        (entries.train, entries.validation) = (train, validation)
      case .shapes(let train, let validation, let seed):
        entries.shapes = Shapes(train: train, validation: validation, seed: seed)
      }
      return entries
    }
    set {
      let source: Source =
        if let shapes = newValue.shapes {
          .shapes(train: shapes.train, validation: shapes.validation, seed: shapes.seed)
        } else {
          .folders(
            train: newValue.train ?? newValue.validation ?? "",
            validation: newValue.validation ?? "")
        }
      self = DataSection(
        source: source, augmentation: newValue.augmentation,
        composites: newValue.composites?.composites ?? .paper, threads: newValue.threads)
    }
  }

  private struct Shapes {
    var train = 8000
    var validation = 1000
    var seed: UInt64 = 1

    static let schema = RecipeSchema(
      Shapes(),
      [
        .defaulted(
          "train", \.train, .imageCount, "training images of the built-in set of shapes"),
        .defaulted(
          "validation", \.validation, .imageCount, "validation images of the built-in set"),
        .defaulted("seed", \.seed, .seed, "from which the built-in set is drawn"),
      ])
  }

  private struct Entries {
    var train: String?
    var validation: String?
    var shapes: Shapes?
    var augmentation = Augmentation.none
    var composites: CompositeEntries?
    var threads: Int?

    static let schema = RecipeSchema(
      Entries(),
      [
        .path(
          "train", \.train,
          else: "required, or `shapes`; of no use to `attack`; `study`: for `repair` and "
            + "`projected`",
          "folder of training images: one folder for each class"),
        .path(
          "validation", \.validation, else: "required, or `shapes`",
          "folder of validation images: one folder for each class; `attack` also takes a folder of "
            + "images without classes"),
        .optional("shapes", \.shapes, Shapes.schema),
        .augmentation("augmentation", \.augmentation),
        .optional("composites", \.composites, CompositeEntries.schema),
        .automatic(
          "threads", \.threads, .integer(1...1024), else: "one for each core",
          "that decode images"),
      ])
  }

  /// What the purpose asks of the folders.
  @Sendable private static func checkFolders(_ section: RecipeSection) {
    if section.has("shapes") {
      for name in ["train", "validation"] where section.has(name) {
        section.report(
          "data has both shapes and \(name): give either shapes or train and validation", at: name)
      }
      return
    }
    for name in ["train", "validation"]
    where !section.has(name) && !(name == "train" && section.kind.onlyMeasures) {
      section.problems.add(
        "data.\(name) is missing, expected a folder with one folder for each class"
          + (name == "train" && !section.has("validation")
            ? "; or data.shapes for the built-in images" : ""),
        at: section.place)
    }
  }

  /// Images that show both classes are of no use to a fooling that has no two classes.
  static func checkComposites(
    _ section: RecipeSection, areFor fooling: FoolingSpecification?
  ) {
    guard section.has("composites") else { return }
    if let fooling, fooling.usesComposites || (try? FoolingKind.named(fooling.name)) == nil {
      return
    }
    let user =
      switch (fooling, section.kind) {
      case (let fooling?, _): "fooling.name is \(fooling.name)"
      case (nil, .study): "this study has no fooling"
      case (nil, .training): "this recipe trains a classifier"
      case (nil, _): "this recipe attacks images"
      }
    section.report(
      "data.composites is for active fooling, but \(user): take it out", at: "composites")
  }
}
