import ImageData

extension RecipeField {
  /// `data.augmentation`: a word or a mapping.
  package static func augmentation(
    _ name: String, _ property: WritableKeyPath<Section, Augmentation> & Sendable
  ) -> Self {
    Self(
      keys: { path, _ in
        [
          RecipeKeyDescription(
            path: "\(path).\(name)", type: "none, flip or a mapping", range: "", fallback: "none",
            meaning: "random changes to training images; `flip`: left and right exchanged for half "
              + "of them")
        ] + AugmentationEntries.schema.keys(in: "\(path).\(name)")
      },
      read: { section, value in
        guard let node = section.node[name] else { return }
        switch node.text {
        case "none": value[keyPath: property] = .none
        case "flip": value[keyPath: property] = .flip
        default:
          guard node.entries != nil else {
            section.problems.add(
              "\(section.full(name)) is \(node.shown), expected none, flip, or a mapping with "
                + "randomResizedCrop, pad or flip", at: node.origin)
            return
          }
          value[keyPath: property] =
            AugmentationEntries.schema.read(section.section(name)).augmentation
        }
      },
      write: { section in
        switch section[keyPath: property] {
        case .none: [(name, .plain("none"))]
        case .flip: [(name, .plain("flip"))]
        case let augmentation:
          [(name, AugmentationEntries.schema.node(AugmentationEntries(augmentation)))]
        }
      })
  }
}

/// An augmentation, entry by entry.
private struct AugmentationEntries {
  struct Crop {
    var scale = 0.08...1
    var ratio = 3.0 / 4...4.0 / 3

    static let schema = RecipeSchema(
      Crop(),
      [
        .defaulted(
          "scale", \.scale, .interval(.above(0, to: 1)),
          "share of the image's area that is cropped and resized"),
        .defaulted(
          "ratio", \.ratio, .interval(.above(0, to: 1000)), "width over height of the crop"),
      ])
  }

  var randomResizedCrop: Crop?
  var pad: Int?
  var flip = 0.5

  init() {}

  init(_ augmentation: Augmentation) {
    flip = augmentation.flipProbability
    switch augmentation.crop {
    case .none: break
    case .randomResized(let scale, let ratio):
      randomResizedCrop = Crop(scale: scale, ratio: ratio)
    case .padded(let padding): pad = padding
    }
  }

  var augmentation: Augmentation {
    let crop: Augmentation.Crop =
      if let part = randomResizedCrop {
        .randomResized(scale: part.scale, ratio: part.ratio)
      } else {
        pad.map { .padded(padding: $0) } ?? .none
      }
    return Augmentation(crop: crop, flipProbability: flip)
  }

  static let schema = RecipeSchema(
    AugmentationEntries(),
    [
      .optional("randomResizedCrop", \.randomResizedCrop, Crop.schema),
      .automatic(
        "pad", \.pad, .integer(0...Augmentation.largestPadding), else: "none",
        "black border in pixels before a random crop of the output size"),
      .defaulted(
        "flip", \.flip, .number(RecipeNumberRange(from: 0, to: 1)),
        "probability that left and right are exchanged"),
    ],
    check: { value, section in
      if value.randomResizedCrop != nil, value.pad != nil {
        section.report("\(section.path) has both randomResizedCrop and pad: give one", at: "pad")
      }
    })
}
