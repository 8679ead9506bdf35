"""Operations: what the doors may ask and do, by one selection; they return rows and draw nothing."""
