import ImageData
import RunFolders
import RunSupport

extension RunContext {
  /// What should be known of the network and of the images before anything is done.
  package func tell(_ setup: Setup) {
    note(setup.description)
    setup.tellNotes(observe)
  }

  /// Which images are omitted.
  package func tell(skipped images: some Sequence<SkippedImage>) {
    OmittedImages.tell(images, observe)
  }
}
