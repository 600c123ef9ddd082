import Foundation

/// Reads, prepares and normalises images ahead of their consumer, on threads of its own, and
/// gives them out as batches in an order that does not depend on the threads.
///
/// Which samples a batch holds is a function of (seed, epoch, batch number), and what is random
/// about a sample is a function of (seed, epoch, its index): a loader started in the middle goes
/// on exactly as one that came there from the start.
///
/// An image that cannot be read is skipped and listed in `skipped`. In training the next readable
/// sample of the epoch's order stands in for it; in evaluation it is omitted from its batch.
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

    /// - Parameter description: one sentence; line breaks in names of files are escaped.
    init(description: String) { self.description = description.replacing("\n", with: "\\u{a}") }
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
  ///   - depth: most batches that are ready or under way before they are consumed.
  ///   - part: of every batch in training order; `batchSize` is that of the whole.
  /// - Throws: `LoadingError`, `Preprocessing.Invalid` or `Augmentation.Invalid`.
  public init(
    _ source: any ImageSource, batchSize: Int, preprocessing: Preprocessing, order: Order,
    augmentation: Augmentation = .none, imageSize: ImageSize? = nil, threads: Int? = nil,
    depth: Int = 2, part: BatchPart = .whole
  ) throws {
    try preprocessing.validate()
    try augmentation.validate()
    let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
    guard batchSize > 0, threads > 0, depth > 0 else {
      throw LoadingError(
        description: "batch size \(batchSize), \(threads) threads and depth \(depth) must all be "
          + "at least 1")
    }
    if case .evaluation = order {
      precondition(part == .whole, "in evaluation the images are shared, not a batch's")
    }
    guard batchSize % part.count == 0 else {
      throw LoadingError(
        description: "a batch of \(batchSize) images has no \(part.count) equal parts")
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
      order: order, augmentation: augmentation, depth: depth, part: part)
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
