/// `data.composites`, entry by entry.
struct CompositeEntries: Sendable {
  // Heo, Joo, Moon 2019, Section 4.1.
  package var train = 1100
  package var validation = 200
  package var seed: UInt64 = 0
  package var trainFolder: String?
  var validationFolder: String?

  package init(_ composites: DataSection.Composites) {
    switch composites {
    case .tiles(let train, let validation, let seed):
      (self.train, self.validation, self.seed) = (train, validation, seed)
    case .folders(let train, let validation):
      (trainFolder, validationFolder) = (train, validation)
    }
  }

  package var composites: DataSection.Composites {
    if let trainFolder, let validationFolder {
      .folders(train: trainFolder, validation: validationFolder)
    } else {
      .tiles(train: train, validation: validation, seed: seed)
    }
  }

  static let schema = RecipeSchema(
    CompositeEntries(.paper),
    ofTiles + [
      .path(
        "trainFolder", \.trainFolder, else: "made of tiles",
        "`active`: ready-made training images that show both classes, as folders of images"),
      .path(
        "validationFolder", \.validationFolder, else: "made of tiles",
        "`active`: the same for validation"),
      .rule { section in
        let (hasTrain, hasValidation) = (
          section.has("trainFolder"), section.has("validationFolder")
        )
        guard hasTrain || hasValidation else { return }
        guard hasTrain, hasValidation else {
          section.problems.add(
            "data.composites needs both trainFolder and validationFolder, or neither",
            at: section.place)
          return
        }
        for name in ["train", "validation", "seed"] where section.has(name) {
          section.report(
            "data.composites.\(name) is for tiles that the program makes; the folders are "
              + "ready-made", at: name)
        }
      },
    ])

  private static let ofTiles = RecipeField<CompositeEntries>.group([
    .defaulted(
      "train", \.train, .imageCount, "`active`: training images of 2×2 tiles of both classes"),
    .defaulted(
      "validation", \.validation, .imageCount,
      "`active`: validation images of 2×2 tiles of both classes"),
    .defaulted("seed", \.seed, .seed, "`active`: from which the tiles are drawn"),
  ]) { $0.trainFolder == nil }
}
