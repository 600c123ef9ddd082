import ImageData
import Programs
import RunSupport

/// Looks for images that a network classifies correctly, in random order; where no labels are known,
/// takes all of them, and for their labels what it predicts.
package struct CorrectImages {
  /// An image that is, and what was said of it.
  package struct Found<Answer> {
    package let position: Int
    package let label: Int
    /// As the network takes it: resized and cropped, in 8 bits.
    package let picture: Image
    package let answer: Answer

    package init(position: Int, label: Int, picture: Image, answer: Answer) {
      self.position = position
      self.label = label
      self.picture = picture
      self.answer = answer
    }
  }

  package let source: any ImageSource
  package let preprocessing: Preprocessing
  package let imageSize: ImageSize
  package let batchSize: Int

  package init(
    source: any ImageSource, preprocessing: Preprocessing, imageSize: ImageSize, batchSize: Int
  ) {
    self.source = source
    self.preprocessing = preprocessing
    self.imageSize = imageSize
    self.batchSize = batchSize
  }
  /// Whether the labels of the source mean something.
  private var isLabelled: Bool { !(source is UnlabelledImages) }

  /// - Parameters:
  ///   - wanted: how many; fewer are found if there are no more.
  ///   - seed: of the order.
  ///   - progress: called after every batch with the number that were found.
  ///   - answer: what the network predicts for a batch of pictures, given their labels and positions.
  ///   - logits: those of an answer.
  /// - Returns: the images, how many were classified to find them, and those that cannot be read.
  package func find<Answer>(
    _ wanted: Int, seed: UInt64, stop: StopRequest, progress: (_ found: Int) -> Void,
    answer: (_ pictures: [Image], _ labels: [Int], _ positions: [Int]) throws -> [Answer],
    logits: (Answer) -> [Float]
  ) throws -> (images: [Found<Answer>], tried: Int, skipped: [SkippedImage]) {
    var random = RandomGenerator(seed: seed)
    var rest = random.permutation(of: source.count)[...]
    var images: [Found<Answer>] = []
    var tried = 0
    var skipped = source.passedOver
    while images.count < wanted, !rest.isEmpty {
      if stop.isRequested { throw RunStopped("stopped before the first image was attacked") }
      var batch: [(position: Int, picture: Image)] = []
      while batch.count < batchSize, let position = rest.popFirst() {
        do { batch.append((position, try picture(at: position))) } catch {
          skipped.append(
            SkippedImage(index: position, of: source, error))
        }
      }
      guard !batch.isEmpty else { break }
      let labels = batch.map { source.label(at: $0.position) }
      let answers = try answer(batch.map(\.picture), labels, batch.map(\.position))
      for (place, answer) in answers.enumerated() {
        guard images.count < wanted else { break }
        tried += 1
        let predicted = Classification.predicted(logits(answer)[...])
        guard !isLabelled || predicted == labels[place] else { continue }
        images.append(
          Found(
            position: batch[place].position, label: predicted, picture: batch[place].picture,
            answer: answer))
      }
      progress(images.count)
    }
    return (images, tried, skipped)
  }

  /// An image as the network takes it.
  package func picture(at position: Int) throws -> Image {
    let name = source.name(at: position)
    let picture = try preprocessing.prepare(try source.image(at: position), name: name)
    guard picture.size == imageSize else {
      throw ImageError(path: name, reason: "is \(picture.size), the network takes \(imageSize)")
    }
    return picture
  }
}
