import Synchronization

/// A switch that is thrown once.
final class Switch: Sendable {
  private let value = Atomic<Bool>(false)
  package func set() { value.store(true, ordering: .relaxed) }
  var isSet: Bool { value.load(ordering: .relaxed) }
}
