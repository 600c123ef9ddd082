import Foundation

/// What the loader shares with its threads. The threads hold this and not the loader, so that
/// the loader's release can end them.
///
/// `@unchecked`: every `var` is read and written under `condition` only; the samples of a pending
/// batch are written without it, each by the one thread that claimed its slot, and read after
/// that thread has reported under `condition`.
final class LoaderCore: @unchecked Sendable {
  let imageSize: ImageSize
  let batchesPerEpoch: Int
  private let source: any ImageSource
  private let batchSize: Int
  private let preprocessing: Preprocessing
  private let normalizer: Normalizer
  private let order: BatchLoader.Order
  private let augmentation: Augmentation
  private let depth: Int
  private let part: BatchPart
  private let firstOrdinal: Int
  /// One past the last; `Int.max` when the order never ends.
  private let endOrdinal: Int

  private let condition = NSCondition()
  private var cancelled = false
  private var failure: (any Error)?
  /// Batches are numbered through all epochs.
  private var consumed: Int
  private var claimedOrdinal: Int
  private var claimedSlot = 0
  private var pending: [Int: PendingBatch] = [:]
  private var skippedIndices: Set<Int?> = []
  private var skippedImages: [SkippedImage] = []
  /// The shuffled orders of the epochs under way.
  private var permutations: [Int: [Int]] = [:]

  init(
    source: any ImageSource, batchSize: Int, imageSize: ImageSize, preprocessing: Preprocessing,
    order: BatchLoader.Order, augmentation: Augmentation, depth: Int,
    part: BatchPart
  ) {
    self.source = source
    self.batchSize = batchSize
    self.imageSize = imageSize
    self.preprocessing = preprocessing
    self.normalizer = Normalizer(preprocessing)
    self.order = order
    self.augmentation = augmentation
    self.depth = depth
    self.part = part
    switch order {
    case .training(_, let start, let epochs):
      batchesPerEpoch = source.count / batchSize
      firstOrdinal = start.epoch * batchesPerEpoch + start.batch
      endOrdinal = epochs.map { [batchesPerEpoch] in $0 * batchesPerEpoch } ?? Int.max
    case .evaluation:
      batchesPerEpoch = (source.count + batchSize - 1) / batchSize
      firstOrdinal = 0
      endOrdinal = batchesPerEpoch
    }
    consumed = firstOrdinal
    claimedOrdinal = firstOrdinal
  }

  static func toleratedUnreadable(of count: Int) -> Int {
    max(
      BatchLoader.alwaysToleratedUnreadable,
      Int(Double(count) * BatchLoader.largestUnreadableShare))
  }

  // MARK: The consumer's side

  var skipped: [SkippedImage] {
    condition.lock()
    defer { condition.unlock() }
    return source.passedOver + skippedImages
  }

  func cancel() {
    condition.lock()
    cancelled = true
    condition.broadcast()
    condition.unlock()
  }

  func next() throws -> Batch? {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let failure { throw failure }
      if cancelled || consumed >= endOrdinal { return nil }
      guard let batch = pending[consumed], batch.remaining == 0 else {
        condition.wait()
        continue
      }
      pending[consumed] = nil
      consumed += 1
      condition.broadcast()
      do {
        try record(batch.outcomes)
      } catch {
        failure = error
        condition.broadcast()
        throw error
      }
      // A batch of which nothing could be read has nothing to say.
      let valid = batch.outcomes.compactMap(\.sample)
      if !valid.isEmpty { return batch.finished(valid, imageSize: imageSize) }
    }
  }

  /// Takes down what a batch could not read, and fails for a slot's error or for too many.
  private func record(_ outcomes: [SlotOutcome]) throws {
    for outcome in outcomes {
      for image in outcome.skipped where skippedIndices.insert(image.index).inserted {
        skippedImages.append(image)
      }
      let unreadable = skippedImages.count
      if unreadable > LoaderCore.toleratedUnreadable(of: source.count)
        || unreadable == source.count
      {
        throw BatchLoader.LoadingError(
          description: "\(unreadable) of \(source.count) images are unreadable, beginning with "
            + "\(skippedImages[0].name): \(skippedImages[0].reason)")
      }
      if let error = outcome.failure { throw error }
    }
  }

  // MARK: The threads' side

  func work() {
    condition.lock()
    while true {
      if cancelled || failure != nil || claimedOrdinal >= endOrdinal { break }
      // The consumer may be far behind: wait until it takes a batch.
      guard claimedOrdinal - consumed < depth else {
        condition.wait()
        continue
      }
      let (batch, slot) = claim()
      condition.unlock()
      let outcome = produce(slot, of: batch)
      condition.lock()
      batch.outcomes[slot] = outcome
      batch.remaining -= 1
      if batch.remaining == 0 { condition.broadcast() }
    }
    condition.unlock()
  }

  /// The next slot that nobody works on; called under `condition`.
  private func claim() -> (PendingBatch, Int) {
    let ordinal = claimedOrdinal
    let batch = pending[ordinal] ?? makeBatch(ordinal)
    pending[ordinal] = batch
    let slot = claimedSlot
    claimedSlot += 1
    if claimedSlot == batch.slots {
      claimedSlot = 0
      claimedOrdinal += 1
    }
    return (batch, slot)
  }

  private func makeBatch(_ ordinal: Int) -> PendingBatch {
    let (epoch, number) = ordinal.quotientAndRemainder(dividingBy: batchesPerEpoch)
    let share = batchSize / part.count
    let first = number * batchSize + part.index * share
    var permutation: [Int]?
    if case .training(let seed, _, _) = order {
      if let known = permutations[epoch] {
        permutation = known
      } else {
        var generator = RandomGenerator(seed: seed, epoch)
        permutation = generator.permutation(of: source.count)
        permutations[epoch] = permutation
        permutations = permutations.filter { $0.key >= epoch - 1 }
      }
    }
    return PendingBatch(
      position: BatchPosition(epoch: epoch, batch: number), first: first,
      slots: min(share, source.count - first), batchSize: share,
      samplesPerImage: normalizer.count(of: imageSize), permutation: permutation)
  }

  private func produce(_ slot: Int, of batch: PendingBatch) -> SlotOutcome {
    var outcome = SlotOutcome()
    // In training, one more attempt than can be tolerated: the failure is then certain.
    let attempts =
      batch.permutation == nil
      ? 1 : min(source.count, LoaderCore.toleratedUnreadable(of: source.count) + 1)
    for attempt in 0..<attempts {
      let place = (batch.first + slot + attempt) % source.count
      let index = batch.permutation?[place] ?? place
      let image: Image
      do {
        image = try source.image(at: index)
      } catch {
        let reason = (error as? ImageError)?.reason ?? "\(error)"
        outcome.skipped.append(
          SkippedImage(index: index, name: source.name(at: index), reason: reason))
        continue
      }
      do {
        let prepared = try prepare(image, index: index, epoch: batch.position.epoch)
        normalizer.write(prepared, to: batch.samples(of: slot))
        outcome.sample = (slot, index, Int32(source.label(at: index)))
      } catch {
        outcome.failure = error
      }
      break
    }
    return outcome
  }

  private func prepare(_ image: Image, index: Int, epoch: Int) throws(ImageError) -> Image {
    let name = source.name(at: index)
    let prepared: Image
    switch order {
    case .evaluation:
      prepared = try preprocessing.prepare(image, name: name)
    case .training(let seed, _, _):
      var generator = RandomGenerator(seed: seed, epoch, index)
      prepared = try augmentation.prepare(
        image, with: preprocessing, name: name, size: imageSize, using: &generator)
    }
    guard prepared.size == imageSize else {
      throw ImageError(
        path: name,
        reason: "is \(prepared.size) after preprocessing, the batch expects \(imageSize); give "
          + "all one size by network.preprocessing.resize or crop (--resize, --crop)")
    }
    return prepared
  }
}

/// What became of one slot of a batch.
private struct SlotOutcome {
  var sample: (slot: Int, index: Int, label: Int32)?
  var skipped: [SkippedImage] = []
  var failure: (any Error)?
}

/// A batch under way. Guarded by its `LoaderCore`.
private final class PendingBatch {
  let position: BatchPosition
  /// Place of the first slot in the epoch's order.
  let first: Int
  let slots: Int
  let permutation: [Int]?
  var outcomes: [SlotOutcome]
  var remaining: Int
  private let batchSize: Int
  private let samplesPerImage: Int
  private let samples: UnsafeMutableBufferPointer<Float>

  init(
    position: BatchPosition, first: Int, slots: Int, batchSize: Int, samplesPerImage: Int,
    permutation: [Int]?
  ) {
    self.position = position
    self.first = first
    self.slots = slots
    self.batchSize = batchSize
    self.samplesPerImage = samplesPerImage
    self.permutation = permutation
    outcomes = [SlotOutcome](repeating: SlotOutcome(), count: slots)
    remaining = slots
    samples = .allocate(capacity: slots * samplesPerImage)
    samples.initialize(repeating: 0)
  }

  deinit { samples.deallocate() }

  func samples(of slot: Int) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      rebasing: samples[slot * samplesPerImage..<(slot + 1) * samplesPerImage])
  }

  /// The readable samples moved to the front, zeros behind them.
  func finished(
    _ valid: [(slot: Int, index: Int, label: Int32)], imageSize: ImageSize
  ) -> Batch {
    let total = batchSize * samplesPerImage
    let images = [Float](unsafeUninitializedCapacity: total) { target, count in
      for (place, sample) in valid.enumerated() {
        (target.baseAddress! + place * samplesPerImage)
          .initialize(from: samples(of: sample.slot).baseAddress!, count: samplesPerImage)
      }
      let filled = valid.count * samplesPerImage
      (target.baseAddress! + filled).initialize(repeating: 0, count: total - filled)
      count = total
    }
    let padding = [Int32](repeating: 0, count: batchSize - valid.count)
    return Batch(
      images: images, imageSize: imageSize, labels: valid.map(\.label) + padding,
      indices: valid.map(\.index), validCount: valid.count, position: position)
  }
}
