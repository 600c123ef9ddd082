import RunSupport

extension LoadedNetwork {
  /// Tells a run's observer what should be known of the network's file. Guesses and likely mistakes are
  /// warnings, which a run shows that is told to show little.
  /// - Parameter told: notes that were told already, as one file may stand in several places.
  package func tellNotes(besides told: inout Set<String>, _ observe: (RunEvent) -> Void) {
    for note in notes where told.insert(note).inserted {
      observe(doubts.contains(note) ? .warning(note) : .note(note))
    }
  }

  package func tellNotes(_ observe: (RunEvent) -> Void) {
    var told: Set<String> = []
    tellNotes(besides: &told, observe)
  }
}
