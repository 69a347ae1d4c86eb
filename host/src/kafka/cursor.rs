//! A bounded cursor over the bytes of one frame that have arrived.
