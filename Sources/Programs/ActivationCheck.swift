import ImageData
import RunSupport

extension LoadedNetwork {
  /// Images that are looked at.
  private static let checkedImages = 2

  /// Looks at every value inside the network on a few images, before anything is measured by it: a
  /// ReLU makes 0 of what is not a number, and the outputs would look sound.
  /// - Throws: `RunError` naming the first value that is not finite.
  package func checkActivations(on source: any ImageSource) throws {
    let part = Preview(source, count: min(Self.checkedImages, source.count)).source
    let size = architecture.inputShape
    let loader = try BatchLoader(
      part, batchSize: part.count, preprocessing: preprocessing, order: .evaluation,
      imageSize: ImageSize(width: size[1], height: size[0]), threads: 1)
    guard let batch = try loader.next() else { return }
    try checkActivations(on: batch.images, count: part.count)
  }

  /// - Parameters:
  ///   - images: [count, H, W, C], prepared.
  ///   - count: how many there are.
  package func checkActivations(on images: [Float], count: Int) throws {
    let program = try EvaluationProgram(self, interpreters: [], batchSize: count)
    guard
      let value = try program.program.firstNonFinite([TrainingProgram.images: .floats(images)])
    else { return }
    throw RunError(
      "\(path ?? architecture.name): computes values that are not finite, so it is no evidence about an "
        + "image; the first is \(value). Its weights are damaged or far too large, or do not belong to "
        + "this architecture or preprocessing")
  }
}
