/// What no run writes: a file that says it was changed, or is damaged.
extension Summary {
  /// The first number that cannot be, and why; `nil` if all can.
  package var impossibleNumber: String? {
    // Sums of single precision may be a little above 1.
    sharesByPlace.first { !(-1e-6...1 + 1e-6).contains($0.value) }.map {
      "\($0.place) is \($0.value), and a share is from 0 to 1"
    } ?? dropsByPlace.first { !(abs($0.value - 100 * $0.expected) <= 1e-3) }.map {
      "\($0.place) is \($0.value), and the accuracies beside it differ by \(100 * $0.expected) points"
    } ?? countsByPlace.first { $0.value < 0 }.map {
      "\($0.place) is \($0.value), and a count is never negative"
    } ?? [("seconds", seconds), ("imagesPerSecond", imagesPerSecond)].first { !($0.1 >= 0) }.map {
      "\($0.0) is \($0.1), and never negative"
    } ?? impossibleClass
  }

  private typealias Place<Value> = (place: String, value: Value)

  private var sharesByPlace: [Place<Double>] {
    func of(_ accuracy: Accuracy, _ place: String) -> [Place<Double>] {
      [("\(place).top1", accuracy.top1), ("\(place).top5", accuracy.top5)]
    }
    func of(_ values: Compared, _ place: String) -> [Place<Double>] {
      [("\(place).original", values.original), ("\(place).manipulated", values.manipulated)]
        + (values.control.map { [("\(place).control", $0)] } ?? [])
    }
    func of<Value>(
      _ values: [String: Value], _ place: String, _ read: (Value, String) -> [Place<Double>]
    ) -> [Place<Double>] {
      values.sorted { $0.key < $1.key }.flatMap { read($0.value, "\(place).\($0.key)") }
    }
    let single: (Double, String) -> [Place<Double>] = { [($1, $0)] }
    return of(accuracy.original, "accuracy.original")
      + of(accuracy.manipulated, "accuracy.manipulated")
      + of(fsr, "fsr", single) + of(fsrOriginal, "fsrOriginal", single)
      + (control.map { of($0.accuracy, "control.accuracy") + of($0.fsr, "control.fsr", single) }
        ?? [])
      + of(vanishedMaps ?? [:], "vanishedMaps", of)
      + of(relevanceInside ?? [:], "relevanceInside", of)
      + (classes ?? []).flatMap {
        of($0.accuracy, "classes.\($0.name).accuracy") + of($0.fsr, "classes.\($0.name).fsr", of)
          + of($0.vanishedMaps, "classes.\($0.name).vanishedMaps", of)
      } + (budget?.frontier.map { ("budget.frontier.fsr", $0.fsr) } ?? [])
  }

  /// With the difference of the shares.
  private var dropsByPlace: [(place: String, value: Double, expected: Double)] {
    func of(
      _ drop: Accuracy, _ other: Accuracy, _ place: String
    ) -> [(place: String, value: Double, expected: Double)] {
      [
        ("\(place).top1", drop.top1, accuracy.original.top1 - other.top1),
        ("\(place).top5", drop.top5, accuracy.original.top5 - other.top5),
      ]
    }
    return of(accuracy.drop, accuracy.manipulated, "accuracy.drop")
      + (control.map { of($0.drop, $0.accuracy, "control.drop") } ?? [])
  }

  private var countsByPlace: [Place<Int>] {
    [
      ("validationImages", validationImages), ("skippedImages", skippedImages), ("steps", steps),
      ("peakMemoryBytes", peakMemoryBytes),
    ] + (classes ?? []).map { ("classes.\($0.name).images", $0.images) }
  }

  private var impossibleClass: String? {
    var seen: Set<Int> = []
    for own in classes ?? [] {
      guard (0..<Self.mostOutputs).contains(own.index), seen.insert(own.index).inserted else {
        return
          "classes.\(own.name).index is \(own.index), which is no output, or that of another class"
      }
    }
    let images = (classes ?? []).reduce(0) { $0 &+ $1.images }
    return images > validationImages
      ? "classes have \(images) images together, and validationImages is \(validationImages)" : nil
  }

  /// As many as a recipe may name.
  private static let mostOutputs = 1 << 20
}
