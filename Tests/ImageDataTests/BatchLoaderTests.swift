import Foundation
import ImageData
import Testing

private let plain = Preprocessing(mean: [0, 0, 0], standardDeviation: [1, 1, 1])

/// Every batch that is left.
private func drain(_ loader: BatchLoader) throws -> [Batch] {
  var batches: [Batch] = []
  while let batch = try loader.next() { batches.append(batch) }
  return batches
}

private func expectEqual(_ a: [Batch], _ b: [Batch]) {
  #expect(a.map(\.indices) == b.map(\.indices))
  #expect(a.map(\.labels) == b.map(\.labels))
  #expect(a.map(\.images) == b.map(\.images))
  #expect(a.map(\.position) == b.map(\.position))
}

@Suite(.timeLimit(.minutes(1))) struct BatchLoaderTests {
  /// The index that `ColorSource` painted into one image of a batch.
  private func paintedIndex(_ batch: Batch, _ place: Int) -> Int {
    let start = place * batch.imageSize.area * 3
    return Int((batch.images[start] * 255).rounded())
      + 256 * Int((batch.images[start + 1] * 255).rounded())
  }

  @Test func evaluationGivesEachImageOnceInOrder() throws {
    let loader = try BatchLoader(
      ColorSource(count: 11), batchSize: 4, preprocessing: plain, order: .evaluation)
    #expect(loader.batchesPerEpoch == 3)
    #expect(loader.imageSize == ImageSize(width: 5, height: 4))
    let batches = try drain(loader)
    #expect(batches.flatMap(\.indices) == Array(0..<11))
    #expect(batches.map(\.validCount) == [4, 4, 3])
    #expect(batches[2].labels == [0, 1, 0, 0])
    for batch in batches {
      #expect(batch.images.count == 4 * 5 * 4 * 3)
      for place in 0..<batch.validCount {
        #expect(paintedIndex(batch, place) == batch.indices[place])
      }
    }
    #expect(batches[2].images.suffix(60).allSatisfy { $0 == 0 })
    #expect(try loader.next() == nil)
  }

  @Test func trainingShufflesEveryEpochAnewAndDropsTheRest() throws {
    let loader = try BatchLoader(
      ColorSource(count: 23), batchSize: 5, preprocessing: plain,
      order: .training(seed: 3, epochs: 3))
    let batches = try drain(loader)
    #expect(batches.count == 12)
    #expect(batches.allSatisfy { $0.validCount == 5 })
    let epochs = (0..<3).map { epoch in
      batches.filter { $0.position.epoch == epoch }.flatMap(\.indices)
    }
    for epoch in epochs { #expect(Set(epoch).count == 20) }
    #expect(Set(epochs).count == 3)
    for batch in batches {
      for place in 0..<5 {
        #expect(paintedIndex(batch, place) == batch.indices[place])
        #expect(Int(batch.labels[place]) == batch.indices[place] % 2)
      }
    }
  }

  /// Slow and fast samples, one thread or many, shallow or deep: the same batches.
  @Test(arguments: [(1, 1), (2, 3), (8, 2), (5, 20)])
  func threadsDoNotChangeTheBatches(threads: Int, depth: Int) throws {
    func batches(_ threads: Int, _ depth: Int, delays: Bool) throws -> [Batch] {
      var shapes = ColorSource(count: 40, unreadable: [3, 17])
      if delays { shapes.delay = { Double($0 * 7 % 5) * 0.0004 } }
      return try drain(
        BatchLoader(
          shapes, batchSize: 6, preprocessing: plain, order: .training(seed: 9, epochs: 2),
          augmentation: .padAndCrop(2), threads: threads, depth: depth))
    }
    expectEqual(try batches(threads, depth, delays: true), try batches(3, 2, delays: false))
  }

  /// Put together, the parts of a batch are the batch, beside images that cannot be read as well.
  @Test func partsOfABatchAreTheBatch() throws {
    func batches(_ part: BatchPart) throws -> [Batch] {
      try drain(
        BatchLoader(
          ColorSource(count: 40, unreadable: [3, 17]), batchSize: 6, preprocessing: plain,
          order: .training(seed: 9, epochs: 2), augmentation: .padAndCrop(2), part: part))
    }
    let whole = try batches(.whole)
    let parts = try (0..<3).map { try batches(BatchPart($0, of: 3)) }
    for (index, batch) in whole.enumerated() {
      #expect(parts.flatMap { $0[index].images } == batch.images)
      #expect(parts.flatMap { $0[index].labels } == batch.labels)
      #expect(parts.flatMap { $0[index].indices } == batch.indices)
      #expect(parts.allSatisfy { $0[index].position == batch.position })
    }
    #expect(parts.allSatisfy { $0.count == whole.count })
    #expect(throws: BatchLoader.LoadingError.self) { try batches(BatchPart(0, of: 4)) }
  }

  @Test(arguments: [
    Augmentation.none, .flip, .padAndCrop(4),
    .randomResizedCrop(scale: 0.3...1, flipProbability: 0.5),
  ])
  func aResumedRunContinuesIdentically(augmentation: Augmentation) throws {
    let shapes = ShapesDataset(count: 30, seed: 1, split: .train)
    func batches(from start: BatchPosition) throws -> [Batch] {
      try drain(
        BatchLoader(
          shapes, batchSize: 4,
          preprocessing: Preprocessing(resize: .exact(width: 32, height: 32)),
          order: .training(seed: 2, start: start, epochs: 3), augmentation: augmentation))
    }
    let all = try batches(from: .start)
    #expect(all.count == 21)
    for start in [0, 5, 7, 20] {
      expectEqual(try batches(from: all[start].position), Array(all[start...]))
    }
    // The end of an epoch is the start of the next.
    expectEqual(try batches(from: BatchPosition(epoch: 0, batch: 7)), Array(all[7...]))
  }

  @Test func augmentationDiffersBetweenEpochsAndSeeds() throws {
    let shapes = ShapesDataset(count: 1, seed: 1, split: .train)
    func images(seed: UInt64) throws -> [[Float]] {
      try drain(
        BatchLoader(
          shapes, batchSize: 1, preprocessing: plain, order: .training(seed: seed, epochs: 6),
          augmentation: .padAndCrop(4))
      ).map(\.images)
    }
    let first = try images(seed: 1)
    #expect(Set(first).count > 3)
    #expect(first != (try images(seed: 2)))
  }

  /// Half of the images are flipped, and a flip is all that happens.
  @Test func flipsAreFlips() throws {
    let shapes = ShapesDataset(count: 100, seed: 1, split: .train)
    let batches = try drain(
      BatchLoader(
        shapes, batchSize: 100, preprocessing: plain, order: .training(seed: 5, epochs: 1),
        augmentation: .flip))
    let normalize = Normalizer(plain)
    let samples = 64 * 64 * 3
    var flips = 0
    for (place, index) in batches[0].indices.enumerated() {
      let given = Array(batches[0].images[place * samples..<(place + 1) * samples])
      let image = shapes.image(at: index)
      if given == normalize(image.flippedHorizontally()) {
        flips += 1
      } else {
        #expect(given == normalize(image))
      }
    }
    // Five standard deviations of 100 fair coins: 25.
    #expect((25...75).contains(flips))
  }

  @Test func unreadableImagesAreLeftOutOfEvaluation() throws {
    let loader = try BatchLoader(
      ColorSource(count: 12, unreadable: [1, 4, 5, 6, 7, 11]), batchSize: 4, preprocessing: plain,
      order: .evaluation, imageSize: ImageSize(width: 5, height: 4))
    let batches = try drain(loader)
    #expect(batches.map(\.indices) == [[0, 2, 3], [8, 9, 10]])
    #expect(batches.map(\.validCount) == [3, 3])
    #expect(paintedIndex(batches[0], 1) == 2)
    #expect(batches[0].images.suffix(60).allSatisfy { $0 == 0 })
    #expect(loader.skipped.map(\.index) == [1, 4, 5, 6, 7, 11])
    #expect(
      loader.skipped[0]
        == SkippedImage(index: 1, name: "color/1", reason: "spoiled on purpose"))
  }

  @Test func readableImagesStandInForUnreadableOnesInTraining() throws {
    let bad: Set<Int> = [2, 9, 13]
    func run() throws -> ([[Int]], [SkippedImage]) {
      let loader = try BatchLoader(
        ColorSource(count: 16, unreadable: bad), batchSize: 8, preprocessing: plain,
        order: .training(seed: 1, epochs: 4))
      let batches = try drain(loader)
      for batch in batches {
        #expect(batch.validCount == 8)
        for place in 0..<8 { #expect(paintedIndex(batch, place) == batch.indices[place]) }
      }
      return (batches.map(\.indices), loader.skipped)
    }
    let (indices, skipped) = try run()
    #expect(indices.count == 8)
    #expect(bad.isDisjoint(with: indices.joined()))
    #expect(Set(skipped.map(\.index)) == bad)
    #expect(skipped.count == 3)
    let again = try run()
    #expect(again.0 == indices)
    #expect(again.1 == skipped)
  }

  @Test func tooManyUnreadableImagesAreAnError() throws {
    func error(count: Int, unreadable: Range<Int>, order: BatchLoader.Order) throws -> String? {
      let loader = try BatchLoader(
        ColorSource(count: count, unreadable: Set(unreadable)), batchSize: 4,
        preprocessing: plain, order: order, imageSize: ImageSize(width: 5, height: 4))
      do {
        _ = try drain(loader)
        return nil
      } catch let error as BatchLoader.LoadingError {
        // It stays an error.
        #expect(throws: BatchLoader.LoadingError.self) { try loader.next() }
        return error.description
      }
    }
    #expect(try error(count: 200, unreadable: 0..<20, order: .evaluation) == nil)
    #expect(
      try error(count: 200, unreadable: 50..<71, order: .evaluation)
        == "21 of 200 images are unreadable, beginning with color/50: spoiled on purpose")
    #expect(try error(count: 20, unreadable: 0..<10, order: .evaluation) == nil)
    #expect(try error(count: 20, unreadable: 0..<11, order: .evaluation) != nil)
    #expect(try error(count: 6, unreadable: 0..<6, order: .evaluation) != nil)
    #expect(
      try error(count: 6, unreadable: 0..<6, order: .training(seed: 1, epochs: 2)) != nil)
    #expect(
      try error(count: 300, unreadable: 0..<300, order: .training(seed: 1, epochs: 2)) != nil)
  }

  @Test func imagesOfAnotherSizeAreAnErrorWithBothSizes() throws {
    let odd = ColorSource(count: 9, sizes: [6: ImageSize(width: 7, height: 3)])
    let loader = try BatchLoader(odd, batchSize: 2, preprocessing: plain, order: .evaluation)
    for _ in 0..<3 { #expect(try loader.next() != nil) }
    let error = #expect(throws: ImageError.self) { try loader.next() }
    #expect(
      error?.description
        == "color/6: is 7x3 after preprocessing, the batch expects 5x4; give all one size by "
        + "network.preprocessing.resize or crop (--resize, --crop)")
    let exact = Preprocessing(
      resize: .exact(width: 6, height: 6), mean: [0, 0, 0], standardDeviation: [1, 1, 1])
    let batches = try drain(
      BatchLoader(odd, batchSize: 2, preprocessing: exact, order: .evaluation))
    #expect(batches.count == 5)
  }

  @Test func badArgumentsAreErrors() {
    func message(
      count: Int = 8, batchSize: Int = 4, order: BatchLoader.Order = .evaluation, depth: Int = 1
    ) -> String? {
      #expect(throws: BatchLoader.LoadingError.self) {
        try BatchLoader(
          ColorSource(count: count), batchSize: batchSize, preprocessing: plain, order: order,
          depth: depth)
      }?.description
    }
    #expect(message(count: 0) == "the set holds no images")
    #expect(message(batchSize: 0) != nil)
    #expect(message(depth: 0) != nil)
    #expect(
      message(batchSize: 9, order: .training(seed: 0))
        == "the set holds 8 images, fewer than one batch of 9; use a batch size of at most 8")
    #expect(
      message(order: .training(seed: 0, start: BatchPosition(epoch: 0, batch: 3)))
        == "cannot start at batch 3 of epoch 0: an epoch has 2 batches, and epochs count from 0")
    for epoch in [-1, Int.max] {
      #expect(message(order: .training(seed: 0, start: BatchPosition(epoch: epoch))) != nil)
      #expect(message(order: .training(seed: 0, epochs: epoch)) != nil)
    }
  }

  /// A source that outlives the loader only if a thread does.
  private final class Witness: ImageSource {
    let classNames = ["all"]
    let count = 1000
    func label(at index: Int) -> Int { 0 }
    func name(at index: Int) -> String { "\(index)" }
    func image(at index: Int) -> Image {
      Thread.sleep(forTimeInterval: 0.001)
      return Image(width: 2, height: 2, color: .white)
    }
  }

  /// Threads must end, and let go of the source, whether the consumer took all, some or nothing.
  @Test(arguments: [0, 1, 7])
  func anAbandonedLoaderEndsItsThreads(taken: Int) throws {
    weak var witness: Witness?
    do {
      let source = Witness()
      witness = source
      let loader = try BatchLoader(
        source, batchSize: 8, preprocessing: plain, order: .training(seed: 1), threads: 4,
        depth: 3)
      for _ in 0..<taken { #expect(try loader.next() != nil) }
    }
    let deadline = Date(timeIntervalSinceNow: 10)
    while witness != nil && Date() < deadline { Thread.sleep(forTimeInterval: 0.005) }
    #expect(witness == nil)
  }

  @Test func cancellingWakesAWaitingConsumer() throws {
    var slow = ColorSource(count: 100)
    slow.delay = { _ in 0.05 }
    let loader = try BatchLoader(
      slow, batchSize: 100, preprocessing: plain, order: .evaluation,
      imageSize: ImageSize(width: 5, height: 4), threads: 1)
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.05)
      loader.cancel()
    }
    let start = ContinuousClock.now
    #expect(try loader.next() == nil)
    // The batch itself would take 5 seconds.
    #expect(ContinuousClock.now - start < .seconds(3))
  }

  @Test func corruptFilesAreSkippedByName() throws {
    try withTemporaryFolder { folder in
      let good = try Fixtures.bytes("444.jpg")
      for name in ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"] {
        let url = URL(fileURLWithPath: "\(folder)/\(name)")
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(name == "b/1.jpg" ? Array(good.prefix(900)) : good).write(to: url)
      }
      let loader = try BatchLoader(
        ImageFolder(folder), batchSize: 4, preprocessing: plain, order: .evaluation)
      let batch = try #require(try loader.next())
      #expect(batch.indices == [0, 1, 3])
      #expect(loader.skipped.map(\.name) == ["\(folder)/b/1.jpg"])
      #expect(loader.skipped[0].reason.hasPrefix("truncated or corrupt JPEG"))
    }
  }
}
