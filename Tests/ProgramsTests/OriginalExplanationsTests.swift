import Explanations
import ImageData
import Manipulation
import Networks
import RunTestSupport
import Testing

@Suite struct OriginalExplanationsTests {
  private static let images = 32
  private static let batchSize = 8
  private let source = ShapesDataset(count: images, seed: 3, split: .train)
  private let size = ImageSize(width: 64, height: 64)

  private func program() throws -> EvaluationProgram {
    let section = NetworkSection(
      architecture: ArchitectureSpecification(
        family: "resnet-style", classes: 10, height: 64, width: 64, widths: [4, 8],
        blocks: [1, 1]))
    let network = try LoadedNetwork(section, imageSize: { _ in size }, seed: 4)
    return try EvaluationProgram(
      network, interpreters: [("grad-cam", GradCAM(layer: "layer2"))], batchSize: Self.batchSize)
  }

  private func loader(
    epochs: Int, augmentation: Augmentation = .none
  ) throws -> BatchLoader {
    try BatchLoader(
      source, batchSize: Self.batchSize, preprocessing: Preprocessing(),
      order: .training(seed: 1, epochs: epochs), augmentation: augmentation, imageSize: size,
      threads: 1)
  }

  /// References of every image in every epoch, by position in the source.
  private func references(
    _ explanations: OriginalExplanations, epochs: Int, augmentation: Augmentation = .none
  ) throws -> [Int: [[Float]]] {
    let loader = try loader(epochs: epochs, augmentation: augmentation)
    var references: [Int: [[Float]]] = [:]
    while let batch = try loader.next() {
      let values = try explanations.references(for: batch)[0]
      let each = values.count / Self.batchSize
      for (place, index) in batch.indices.enumerated() {
        references[index, default: []].append(
          Array(values[place * each..<(place + 1) * each]))
      }
    }
    return references
  }

  static let foolings: [any Fooling] = [
    TopK(), CenterMass(), ActiveSwap(first: 1, second: 4),
  ]

  @Test(arguments: foolings.indices)
  func everyImageIsExplainedOnce(index: Int) throws {
    let fooling = Self.foolings[index]
    let explanations = OriginalExplanations(try program(), fooling: fooling)
    let found = try references(explanations, epochs: 3)
    #expect(explanations.computed == Self.images)
    #expect(explanations.reused == 2 * Self.images)
    #expect(found.count == Self.images)
    // Images meet others in every epoch, and get what they got before.
    #expect(found.values.allSatisfy { $0.count == 3 && Set($0).count == 1 })
    #expect(Set(found.values.map { $0[0] }).count > Self.images / 2)
  }

  @Test(arguments: foolings.indices)
  func referencesAreThoseOfTheImagesOwnHeatmaps(index: Int) throws {
    let fooling = Self.foolings[index]
    let found = try references(
      OriginalExplanations(try program(), fooling: fooling), epochs: 1)
    let program = try program()
    let loader = try loader(epochs: 1)
    while let batch = try loader.next() {
      let classes: [[Int32]] =
        switch fooling.explained {
        case .labels, .predictions: [batch.labels]
        case .pair(let first, let second):
          [first, second].map { [Int32](repeating: Int32($0), count: Self.batchSize) }
        }
      var maps = [[Heatmap]](repeating: [], count: Self.batchSize)
      for labels in classes {
        try program.run(images: batch.images, labels: labels)
        for (place, map) in program.heatmaps(0, count: Self.batchSize).enumerated() {
          maps[place].append(map)
        }
      }
      for (place, index) in batch.indices.enumerated() {
        let (height, width) = (maps[place][0].height, maps[place][0].width)
        #expect(
          found[index]?.first
            == fooling.reference(fooling.digest(maps[place]), height: height, width: width))
      }
    }
  }

  /// A flipped image is another image, with its own heatmap.
  @Test func augmentedImagesAreExplainedForThemselves() throws {
    let explanations = OriginalExplanations(try program(), fooling: CenterMass())
    let found = try references(explanations, epochs: 6, augmentation: .flip)
    #expect(explanations.computed > Self.images)
    #expect(explanations.computed <= 2 * Self.images)
    #expect(explanations.computed + explanations.reused == 6 * Self.images)
    // With and without the flip: two references at most, and not always the same one.
    #expect(found.values.allSatisfy { Set($0).count <= 2 })
    #expect(found.values.contains { Set($0).count == 2 })
  }
}
