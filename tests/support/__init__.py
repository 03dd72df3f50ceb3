"""What several tests share: ports kept in memory, and images made for the purpose."""
