import Attacks
import Foundation
import ImageData
import RunFolders
import RunSupport

/// What an attack that was stopped has finished: a part for each method and ε, in their order.
struct AttackProgress {
  package struct Part {
    package let result: AttackSummary.Result
    package let records: [AttackRecord]

    package init(result: AttackSummary.Result, records: [AttackRecord]) {
      self.result = result
      self.records = records
    }
  }
  package private(set) var parts: [Part] = []
  /// Their lines in `attacks.jsonl`.
  package private(set) var lines = Data()
  /// That they took, with finding the images.
  package private(set) var seconds = 0.0

  /// - Throws: `RunError` if `attacks.jsonl` does not hold what was finished.
  package init(in folder: RunFolder, of subjects: [AttackSubject], _ attack: InputAttack) throws {
    guard let data = try folder.contents(of: folder.progressSummary) else { return }
    guard let summary = try? JSONDecoder().decode(AttackSummary.self, from: data) else {
      throw RunError(
        "\(folder.progressSummary) does not say what was finished; start again in another --output")
    }
    let log = try folder.contents(of: folder.attacks, atMost: RunFolder.largestLog) ?? Data()
    // Every line of a finished part ends.
    var rest = log[...]
    func next() -> Data? {
      guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
      defer { rest = rest[(end + 1)...] }
      return rest[..<end]
    }
    let specification = attack.specification
    let expected = attack.objectives.flatMap { objective in
      specification.epsilons.map { (method: objective.name, epsilon: $0) }
    }
    guard summary.results.count <= expected.count else { throw Self.differs(folder) }
    for (result, (method, epsilon)) in zip(summary.results, expected) {
      let records = try subjects.map { subject in
        guard let line = next(),
          let record = try? JSONDecoder().decode(AttackRecord.self, from: line),
          record.image == subject.name, record.method == method, record.epsilon == epsilon
        else { throw Self.differs(folder) }
        return record
      }
      guard !records.isEmpty, AttackSummary.Result(records, seconds: result.seconds) == result
      else { throw Self.differs(folder) }
      parts.append(Part(result: result, records: records))
      lines = log[..<rest.startIndex]
    }
    seconds = summary.seconds
  }

  private static func differs(_ folder: RunFolder) -> RunError {
    RunError(
      "\(folder.attacks) does not hold what \(folder.progressSummary) says was finished: it was "
        + "changed after the run was stopped; put it back, or start again in another --output")
  }

  /// What a report shows of a part, from its pictures.
  /// - Throws: `RunError` if a picture is not there or is another one.
  package func gallery(
    of part: Part, shown: Set<Int>, _ subjects: [AttackSubject], _ attack: InputAttack,
    _ folder: RunFolder
  ) throws -> [AttackGallery] {
    try part.records.enumerated().compactMap { place, record in
      let (subject, path) = (subjects[place], folder.path + "/" + record.picture)
      let name =
        "images/\(record.method)-\(short(record.epsilon))/"
        + pictureName(place, subject.name)
      guard record.picture == name, let data = try folder.contents(of: path) else {
        throw RunError("\(path) is not there any more; start again in another --output")
      }
      guard shown.contains(place) else { return nil }
      let picture = try Image(decoding: Array(data), name: path)
      guard picture.size == subject.picture.size,
        PixelBall.distance(picture.pixels, subject.picture.pixels) == record.distance
      else {
        throw RunError(
          "\(path) is not the picture that the attack made; start again in another --output")
      }
      return AttackGallery(
        place: place, record: record,
        result: try attack.result(of: picture, from: subject, iteration: record.iteration))
    }
  }
}
