import Foundation

/// Reads, prepares and normalises images ahead of their consumer, on threads of its own, and
/// gives them out as batches in an order that does not depend on the threads.
///
/// Which samples a batch holds is a function of (seed, epoch, batch number), and what is random
/// about a sample is a function of (seed, epoch, its index): a loader started in the middle goes
/// on exactly as one that came there from the start.
///
/// An image that cannot be read is skipped and listed in `skipped`. In training the next readable
/// sample of the epoch's order stands in for it; in evaluation it is left out of its batch.
///
/// Threads end when the loader is released or cancelled, whatever has been consumed.
public final class BatchLoader: Sendable {
  public enum Order: Sendable, Hashable {
    /// A new order every epoch, shuffled by `seed`; an incomplete last batch is dropped. Starts
    /// at `start` and ends after the epoch `epochs` - 1, or never when `nil`.
    case training(seed: UInt64, start: BatchPosition = .start, epochs: Int? = nil)
    /// Every sample once, in the source's order; the last batch is filled up with zeros.
    case evaluation
  }

  /// A set with more unreadable images than this share is refused while it is read, …
  public static let largestUnreadableShare = 0.1
  /// … but never for this many or fewer, as long as some image is readable.
  public static let alwaysToleratedUnreadable = 10

  /// So that batches can be numbered through all epochs.
  private static let mostEpochs = 1_000_000_000

  /// A loader that cannot be made from these arguments, or a set that turned out unreadable.
  public struct LoadingError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  private let core: LoaderCore

  /// - Parameters:
  ///   - source: the images.
  ///   - batchSize: images in a batch.
  ///   - preprocessing: what is done with each of them.
  ///   - order: which image comes when.
  ///   - imageSize: the size of the batch's images. By default what `preprocessing` gives for
  ///     every image or, where that depends on the image, for the first readable one.
  ///   - augmentation: for training order only.
  ///   - threads: decoding threads; the processor's cores by default.
  ///   - depth: most batches that are ready or under way before they are asked for.
  /// - Throws: `LoadingError`, `Preprocessing.Invalid` or `Augmentation.Invalid`.
  public init(
    _ source: any ImageSource, batchSize: Int, preprocessing: Preprocessing, order: Order,
    augmentation: Augmentation = .none, imageSize: ImageSize? = nil, threads: Int? = nil,
    depth: Int = 2
  ) throws {
    try preprocessing.validate()
    try augmentation.validate()
    let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
    guard batchSize > 0, threads > 0, depth > 0 else {
      throw LoadingError(
        description: "batch size \(batchSize), \(threads) threads and depth \(depth) must all be "
          + "at least 1")
    }
    guard source.count > 0 else { throw LoadingError(description: "the set holds no images") }
    if case .training(_, let start, let epochs) = order {
      guard source.count >= batchSize else {
        throw LoadingError(
          description: "the set holds \(source.count) images, fewer than one batch of "
            + "\(batchSize); use a batch size of at most \(source.count)")
      }
      let batchesPerEpoch = source.count / batchSize
      let epochNumbers = 0...BatchLoader.mostEpochs
      guard epochNumbers.contains(epochs ?? 0) else {
        throw LoadingError(
          description: "cannot run \(epochs ?? 0) epochs, only 0 to \(BatchLoader.mostEpochs)")
      }
      guard
        epochNumbers.contains(start.epoch), (0...batchesPerEpoch).contains(start.batch)
      else {
        throw LoadingError(
          description: "cannot start at batch \(start.batch) of epoch \(start.epoch): an epoch "
            + "has \(batchesPerEpoch) batches, and epochs count from 0")
      }
    }
    let size =
      try imageSize ?? preprocessing.outputSize
      ?? BatchLoader.firstSize(source, preprocessing: preprocessing)
    core = LoaderCore(
      source: source, batchSize: batchSize, imageSize: size, preprocessing: preprocessing,
      order: order, augmentation: augmentation, depth: depth)
    for number in 0..<threads {
      let thread = Thread { [core] in core.work() }
      thread.name = "image-\(number)"
      thread.start()
    }
  }

  deinit { core.cancel() }

  public var imageSize: ImageSize { core.imageSize }

  /// Batches in one pass: complete ones in training, all in evaluation.
  public var batchesPerEpoch: Int { core.batchesPerEpoch }

  /// What the source passes over, then the images skipped so far, each once, in the order in which the
  /// batches met them.
  public var skipped: [SkippedImage] { core.skipped }

  /// The next batch, waiting for it if need be; `nil` at the end and after `cancel()`.
  /// - Throws: `ImageError` when a prepared image is not of the batch's size, `LoadingError` when
  ///   too many images are unreadable. The loader is then at its end and repeats the error.
  public func next() throws -> Batch? { try core.next() }

  /// Ends the threads; a waiting or later `next()` returns `nil`.
  public func cancel() { core.cancel() }

  private static func firstSize(
    _ source: any ImageSource, preprocessing: Preprocessing
  ) throws -> ImageSize {
    var failures = 0
    for index in 0..<source.count {
      do {
        return preprocessing.outputSize(of: try source.image(at: index).size)
      } catch {
        failures += 1
        if failures > LoaderCore.toleratedUnreadable(of: source.count) { break }
      }
    }
    throw LoadingError(
      description: "the first \(failures) of \(source.count) images are unreadable, beginning "
        + "with \(source.name(at: 0))")
  }
}

/// What the loader shares with its threads. The threads hold this and not the loader, so that
/// the loader's release can end them.
///
/// `@unchecked`: every `var` is read and written under `condition` only; the samples of a pending
/// batch are written without it, each by the one thread that claimed its slot, and read after
/// that thread has reported under `condition`.
private final class LoaderCore: @unchecked Sendable {
  let imageSize: ImageSize
  let batchesPerEpoch: Int
  private let source: any ImageSource
  private let batchSize: Int
  private let preprocessing: Preprocessing
  private let normalizer: Normalizer
  private let order: BatchLoader.Order
  private let augmentation: Augmentation
  private let depth: Int
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
    order: BatchLoader.Order, augmentation: Augmentation, depth: Int
  ) {
    self.source = source
    self.batchSize = batchSize
    self.imageSize = imageSize
    self.preprocessing = preprocessing
    self.normalizer = Normalizer(preprocessing)
    self.order = order
    self.augmentation = augmentation
    self.depth = depth
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
    let first = number * batchSize
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
      slots: min(batchSize, source.count - first), batchSize: batchSize,
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
        reason: "is \(prepared.size) after preprocessing, the batch expects \(imageSize); resize "
          + "to an exact size or add a centre crop")
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
