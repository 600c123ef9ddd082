import Attacks
import ImageData
import Pictures
import RunSupport
import Similarity

extension InputAttack {
  /// How alike an image's heatmap and those of images nearby are: the mean over draws of each measure of
  /// h(x) and h(x + z), z uniform in [-ε, ε] for each sample, x + z in 8 bits.
  ///
  /// Joo, Heo, Moon: *Towards More Robust Interpretation via Local Gradient Alignment*, AAAI 2023, random
  /// perturbation similarity.
  /// - Parameters:
  ///   - draws: for each image, 1 or more.
  ///   - progress: called with the number of images that are done.
  /// - Returns: by measure, in the order of `subjects`; they do not depend on which images share a batch
  ///   but in the last digits.
  func randomSimilarities(
    of subjects: [AttackSubject], epsilon: Double, draws: Int, stop: StopRequest,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [[String: Double]] {
    let measures = SimilarityMeasures.all(topK: topK)
    let ball = PixelBall(radius: epsilon)
    var sums = subjects.map { _ in measures.map { _ in 0.0 } }
    // Image by image, so that progress is of whole ones.
    let tasks = subjects.indices.flatMap { place in (0..<draws).map { (place, $0) } }
    var first = 0
    while first < tasks.count {
      if stop.isRequested { throw RunStopped("stopped") }
      let part = tasks[first..<min(first + largestBatch, tasks.count)]
      let pictures = part.map { place, draw in
        picture(near: subjects[place], in: ball, draw)
      }
      let answers = try explain(
        pictures, labels: part.map { subjects[$0.0].label },
        identities: part.map { subjects[$0.0].position })
      for ((place, _), answer) in zip(part, answers) {
        for (index, measure) in measures.enumerated() {
          sums[place][index] += measure(subjects[place].clean, answer.heatmap.relevance)
        }
      }
      first += part.count
      progress(first / draws)
    }
    return sums.map { sums in
      Dictionary(
        uniqueKeysWithValues: zip(measures, sums).map { ($0.name, $1 / Double(draws)) })
    }
  }

  /// A function of the seed, the image, ε and the draw.
  private func picture(near subject: AttackSubject, in ball: PixelBall, _ draw: Int) -> Image {
    var random = RandomGenerator(
      seed: specification.seed, subject.position, draw, Int(1000 * ball.radius))
    let center = subject.picture.pixels
    let samples = center.map { Float($0) + Float((2 * random.uniform() - 1) * ball.radius) }
    return Image(
      width: subject.picture.width, height: subject.picture.height,
      pixels: ball.rounded(samples, around: center))
  }
}
