"""Boosted trees on shares: bins at the owners, histograms of private bins, gains and splits on shares."""
